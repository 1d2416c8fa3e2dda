"""History: one row for each version of an entity, with what changed, written in the transaction that changed it.

A row is never altered: the table is append-only for the service (``aiops_common.postgres.append_only``). Folding the
rows of an entity gives the entity.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson

from aiops_common.messaging.replay import ROWS_AT_ONCE, cut_page
from aiops_common.postgres import Connection
from aiops_contracts.base import ChangePage, ChangeRecord, Snapshot

E = TypeVar("E")

_NOT_FIELDS = frozenset({"id", "version"})


@dataclass(frozen=True, slots=True)
class Change:
    """A version of an entity; ``delta`` maps a field's name to its value before and after."""

    entity_id: UUID
    version: int
    kind: str
    changed_at: datetime
    changed_by: str | None
    delta: dict[str, tuple[Any, Any]]


def delta(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs between two documents of an entity; before the first version every field is null."""
    known = before or {}
    return {
        name: (known.get(name), value)
        for name, value in after.items()
        if name not in _NOT_FIELDS and known.get(name) != value
    }


@dataclass(frozen=True, slots=True)
class History(Generic[E]):
    """The history of one kind of entity. ``table`` and ``id_column`` are ours, never a client's.

    ``snapshot`` is the entity as others see it; its JSON is the document that deltas are taken of.
    """

    table: str
    id_column: str
    snapshot: Callable[[E], Snapshot]

    def change(self, before: E | None, after: E, kind: str, *, changed_by: str | None = None) -> Change:
        """The change from one version of an entity to the next, which says when that was."""
        snapshot = self.snapshot(after)
        known = None if before is None else self.snapshot(before).model_dump(mode="json")
        changes = delta(known, snapshot.model_dump(mode="json"))
        return Change(snapshot.id, snapshot.version, kind, snapshot.updated_at, changed_by, changes)

    def insert(self, first: int) -> str:
        """An INSERT without a condition that takes the parameters of ``columns`` from number ``first`` on."""
        kinds = ("uuid", "int", "text", "timestamptz", "text", "jsonb")
        arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(kinds, start=first))
        return (
            f"INSERT INTO {self.table} ({self.id_column}, version, kind, changed_at, changed_by, delta) "
            f"SELECT c.* FROM unnest({arrays}) AS c (id)"
        )

    def columns(self, changes: Sequence[Change]) -> list[list[Any]]:
        """The parameters of ``insert``."""
        return [
            [change.entity_id for change in changes],
            [change.version for change in changes],
            [change.kind for change in changes],
            [change.changed_at for change in changes],
            [change.changed_by for change in changes],
            [orjson.dumps(change.delta) for change in changes],
        ]

    async def append(self, connection: Connection, change: Change) -> None:
        """Add one change within the caller's transaction."""
        await connection.execute(self.insert(1), *self.columns([change]))

    async def page(self, connection: Connection, entity_id: UUID, *, after: int, limit: int) -> ChangePage:
        """Up to ``limit`` versions above ``after``, oldest first, no more than fit into a message; in a transaction."""
        records = self._records(connection, entity_id, after, limit + 1)
        page = await cut_page(records, lambda record: record, lambda record: record.version, limit=limit)
        return ChangePage(changes=page.snapshots, next_after=page.next_after)

    async def _records(
        self, connection: Connection, entity_id: UUID, after: int, limit: int
    ) -> AsyncGenerator[ChangeRecord]:
        statement = (
            f"SELECT version, kind, changed_at, changed_by, delta FROM {self.table} "
            f"WHERE {self.id_column} = $1 AND version > $2 ORDER BY version LIMIT $3"
        )
        async for row in connection.cursor(statement, entity_id, after, limit, prefetch=ROWS_AT_ONCE):
            yield ChangeRecord.model_validate({**row, "delta": orjson.loads(row["delta"])})
