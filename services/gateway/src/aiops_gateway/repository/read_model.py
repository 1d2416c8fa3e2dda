"""The read model: one table per kind of entity, each row the last snapshot that its owner published.

The snapshot is kept whole in ``document``; columns that lists filter by are generated from it by PostgreSQL, so
that a projection is the same statement for every kind. A log's text is kept beside its document, because lists
never show it. ``traceparent`` is the place in a trace where the row was written last, for those who tell subscribers
of it: another process than the one that wrote, as it may be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Generic, TypeVar
from uuid import UUID

import asyncpg
import orjson

from aiops_common.postgres import Connection
from aiops_contracts.base import Snapshot
from aiops_contracts.changelog import ChangelogSnapshot
from aiops_contracts.summarizer import LogSnapshot
from aiops_contracts.triage import TicketSnapshot
from aiops_gateway.domain.paging import PageRequest, Position

S = TypeVar("S", bound=Snapshot)

CHANGES_CHANNEL = "gateway_changes"
"""Notifications ``<kind>:<uuid>,<uuid>…`` for rows that changed."""

ROW = "id, version, created_at, document, large, traceparent"
"""What is written of a row, in the order of ``columns`` and ``rows``."""

_SAMPLED = 1
"""https://www.w3.org/TR/trace-context/#sampled-flag"""


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions on a list; ``equal`` maps columns to values, None means any.

    ``hidden`` columns are not searched for ``text``: what a reader may not see must not be guessable either.
    """

    equal: dict[str, Any] = field(default_factory=dict)
    created_after: Any = None
    created_before: Any = None
    text: str | None = None
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Page(Generic[S]):
    """Rows in list order, and whether there are more on either side."""

    rows: list[S]
    has_next: bool
    has_previous: bool


@dataclass(frozen=True, slots=True)
class Stored(Generic[S]):
    """A row: the snapshot, and the ``traceparent`` of what wrote it; None where that trace is not recorded."""

    snapshot: S
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Kind(Generic[S]):
    """A kind of entity and its table. All names are ours, never a client's.

    ``computed`` are filters that are no column but an expression, which has an index.
    """

    name: str
    table: str
    snapshot: type[S]
    filters: frozenset[str]
    text_columns: tuple[str, ...]
    large_field: str | None = None
    computed: Mapping[str, str] = field(default_factory=dict)

    def dump(self, snapshot: S) -> bytes:
        """What is kept in ``document``."""
        return snapshot.model_dump_json(exclude={self.large_field} if self.large_field else None).encode()

    def load(self, document: bytes, large: str | None) -> S:
        """The snapshot again; without its large field it is the empty text."""
        if self.large_field is None:
            return self.snapshot.model_validate_json(document)
        return self.snapshot.model_validate({**orjson.loads(document), self.large_field: large or ""})


LOG_ENTRIES: Kind[LogSnapshot] = Kind(
    name="logEntry",
    table="log_entries",
    snapshot=LogSnapshot,
    filters=frozenset({"source", "state", "severity"}),
    text_columns=("source", "headline"),
    large_field="content",
)
TICKETS: Kind[TicketSnapshot] = Kind(
    name="ticket",
    table="tickets",
    snapshot=TicketSnapshot,
    filters=frozenset({"status", "state", "category", "severity", "priority", "needs_review"}),
    text_columns=("title", "body"),
)
CHANGELOGS: Kind[ChangelogSnapshot] = Kind(
    name="changelog",
    table="changelogs",
    snapshot=ChangelogSnapshot,
    filters=frozenset({"project", "state", "status"}),
    text_columns=("project",),
    computed={"status": "coalesce(document ->> 'status', 'DRAFT')"},
)
KINDS: dict[str, Kind[Any]] = {kind.name: kind for kind in (LOG_ENTRIES, TICKETS, CHANGELOGS)}


def insert_accepted(kind: Kind[S], first: int, accepted: str) -> str:
    """An INSERT for use inside a larger statement: those rows whose id is in the relation ``accepted``.

    It takes the parameters of ``columns`` from number ``first`` on. A row that an event was faster with is left alone.
    """
    return f"""
        INSERT INTO {kind.table} ({ROW})
        SELECT e.* FROM {rows(first)} WHERE e.id IN (SELECT id FROM {accepted})
        ON CONFLICT (id) DO NOTHING
        RETURNING id
    """


def notify(kind: Kind[S], changed: str) -> str:
    """A SELECT that tells subscribers, on commit, of the ids in the relation ``changed``: one notification for all.

    A batch of 200 ids fits into the 8,000 bytes that a notification may have.
    """
    return f"""
        SELECT pg_notify('{CHANGES_CHANNEL}', '{kind.name}:' || string_agg(id::text, ',')) FROM {changed}
        HAVING count(*) > 0
    """


def columns(
    kind: Kind[S], snapshots: Sequence[S], traceparents: Mapping[UUID, str | None] | None = None
) -> list[list[Any]]:
    """Snapshots as the parameters of an insert, one array for each column; ``traceparents`` by the snapshots' ids."""
    written_by = traceparents or {}
    return [
        [s.id for s in snapshots],
        [s.version for s in snapshots],
        [s.created_at for s in snapshots],
        [kind.dump(s) for s in snapshots],
        [getattr(s, kind.large_field) if kind.large_field else None for s in snapshots],
        [_recorded(written_by.get(s.id)) for s in snapshots],
    ]


def _recorded(traceparent: str | None) -> str | None:
    # A trace that nobody will see is not worth the bytes, nor a look at it when subscribers are told.
    return traceparent if traceparent is not None and int(traceparent[-2:], 16) & _SAMPLED else None


def rows(first: int) -> str:
    """The relation ``e`` of the parameters of ``columns``, from number ``first`` on."""
    types = ("uuid", "int", "timestamptz", "jsonb", "text", "text")
    parameters = ", ".join(f"${number}::{name}[]" for number, name in enumerate(types, start=first))
    return f"unnest({parameters}) AS e (id)"


async def project(
    connection: Connection,
    kind: Kind[S],
    snapshots: Sequence[S],
    traceparents: Sequence[str | None] = (),
) -> None:
    """Bring rows up to these snapshots, ignoring those that are not newer, and notify subscribers on commit.

    ``traceparents`` are where each was found to be written, in the order of the snapshots.
    """
    newest: dict[UUID, S] = {}
    written_by: dict[UUID, str | None] = {}
    for snapshot, traceparent in zip_longest(snapshots, traceparents):
        if snapshot.id not in newest or snapshot.version > newest[snapshot.id].version:
            newest[snapshot.id] = snapshot
            written_by[snapshot.id] = traceparent
    # In the order of ids, so that two gateways with overlapping batches cannot deadlock.
    ordered = [newest[identity] for identity in sorted(newest)]
    await connection.execute(
        f"""
        WITH written AS (
            INSERT INTO {kind.table} ({ROW})
            SELECT e.* FROM {rows(1)}
            ON CONFLICT (id) DO UPDATE SET version = excluded.version, document = excluded.document,
                large = excluded.large, traceparent = excluded.traceparent
                WHERE {kind.table}.version < excluded.version
            RETURNING id
        )
        {notify(kind, "written")}
        """,
        *columns(kind, ordered, written_by),
    )


async def get(connection: Connection, kind: Kind[S], identity: UUID) -> S | None:
    """One whole snapshot, None where there is none."""
    row = await connection.fetchrow(f"SELECT document, large FROM {kind.table} WHERE id = $1", identity)
    return kind.load(row["document"], row["large"]) if row else None


async def get_many(connection: Connection, kind: Kind[S], ids: Sequence[UUID]) -> dict[UUID, Stored[S]]:
    """Whole rows by their ids; those that are not there are left out."""
    rows = await connection.fetch(
        f"SELECT id, document, large, traceparent FROM {kind.table} WHERE id = ANY($1::uuid[])", list(ids)
    )
    return {row["id"]: Stored(kind.load(row["document"], row["large"]), row["traceparent"]) for row in rows}


async def contents(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, str]:
    """The texts of these log entries."""
    rows = await connection.fetch("SELECT id, large FROM log_entries WHERE id = ANY($1::uuid[])", list(ids))
    return {row["id"]: row["large"] or "" for row in rows}


async def page(connection: Connection, kind: Kind[S], request: PageRequest, condition: Filter) -> Page[S]:
    """One page of the list, newest first. Large fields are left out."""
    where, arguments = _where(kind, condition)
    for position, comparison in ((request.after, "<"), (request.before, ">")):
        if position is not None:
            arguments += [position.created_at, position.id]
            where.append(f"(created_at, id) {comparison} (${len(arguments) - 1}, ${len(arguments)})")
    direction = "ASC" if request.backward else "DESC"
    arguments.append(request.size + 1)  # one more than asked for tells whether there are more
    rows: list[asyncpg.Record] = await connection.fetch(
        f"""
        SELECT document FROM {kind.table} WHERE {" AND ".join(where)}
        ORDER BY created_at {direction}, id {direction} LIMIT ${len(arguments)}
        """,
        *arguments,
    )
    more = len(rows) > request.size
    found = [kind.load(row["document"], None) for row in rows[: request.size]]
    if request.backward:
        return Page(found[::-1], has_next=request.before is not None, has_previous=more)
    return Page(found, has_next=more, has_previous=request.after is not None)


async def count(connection: Connection, kind: Kind[S], condition: Filter) -> int:
    """How many rows match."""
    where, arguments = _where(kind, condition)
    total: int = await connection.fetchval(f"SELECT count(*) FROM {kind.table} WHERE {' AND '.join(where)}", *arguments)
    return total


def _where(kind: Kind[S], condition: Filter) -> tuple[list[str], list[Any]]:
    where, arguments = ["true"], []
    for column, value in condition.equal.items():
        if value is not None and column in kind.filters:
            arguments.append(value)
            where.append(f"{kind.computed.get(column, column)} = ${len(arguments)}")
    for value, comparison in ((condition.created_after, ">"), (condition.created_before, "<")):
        if value is not None:
            arguments.append(value)
            where.append(f"created_at {comparison} ${len(arguments)}")
    if condition.text:
        arguments.append("%" + condition.text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%")
        searched = [column for column in kind.text_columns if column not in condition.hidden]
        where.append("(" + " OR ".join(f"{column} ILIKE ${len(arguments)}" for column in searched) + ")")
    return where, arguments


def position(snapshot: Snapshot) -> Position:
    """Where the snapshot stands in its list."""
    return Position(snapshot.created_at, snapshot.id)
