"""replayChanges: what happened to a log entry, ticket or changelog, version by version."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import strawberry
from graphql import GraphQLError
from strawberry.scalars import JSON

from aiops_contracts.base import ChangeRecord
from aiops_gateway.domain.access import Viewer
from aiops_gateway.domain.history import Place, changed, shown, shown_object
from aiops_gateway.domain.paging import MAX_PAGE_SIZE
from aiops_gateway.graphql.context import Info
from aiops_gateway.graphql.ids import to_global_id, uuid_of
from aiops_gateway.service.history import MOST_VERSIONS, History, check_size

_PRINCIPALS = {"user": "User", "key": "ApiKey"}


@strawberry.type(description="A field and its values before and after a change.")
class FieldChange:
    name: str
    of: strawberry.Private[str]
    viewer: strawberry.Private[Viewer]
    values: strawberry.Private[tuple[Any, Any]]

    @strawberry.field(description="Null before the first version, and where the reader may not see the field.")
    def before(self, info: Info) -> JSON | None:
        return self._shown(info, self.values[0])

    @strawberry.field(description="Null also where the reader may not see the field.")
    def after(self, info: Info) -> JSON | None:
        return self._shown(info, self.values[1])

    def _shown(self, info: Info, value: Any) -> JSON | None:
        hidden: list[Place] = []
        seen: JSON | None = _answered(info, shown(f"{self.of}.{self.name}", value, self.viewer, hidden), hidden)
        return seen


@strawberry.type(description="One version of a log entry, ticket or changelog.")
class Change:
    history: strawberry.Private[History]
    index: strawberry.Private[int]
    version: int
    kind: str = strawberry.field(description="E.g. ticket.status_changed.")
    changed_at: datetime
    changed_by: strawberry.ID | None = strawberry.field(
        description="A User or an ApiKey; null for the system and for partners."
    )

    @strawberry.field(description="The delta.")
    def fields(self) -> list[FieldChange]:
        of, viewer = self.history.type_name, self.history.viewer
        delta = self.history.changes[self.index].delta
        return [
            FieldChange(name=name, of=of, viewer=viewer, values=(before, after))
            for name, before, after in changed(of, self.version, delta, viewer)
        ]

    @strawberry.field(description="The whole record after this change, masked for the reader.")
    async def state(self, info: Info) -> JSON:
        document = await self.history.state(self.index)
        hidden: list[Place] = []
        state = shown_object(self.history.type_name, document, self.history.viewer, hidden)
        state |= {"id": to_global_id(self.history.type_name, self.history.identity), "version": self.version}
        answered: JSON = _answered(info, state, hidden)
        return answered


def _answered(info: Info, value: Any, hidden: list[Place]) -> Any:
    for place in hidden:
        info.context.masked.note(info.path, *place)
    # Counted for the whole answer, however often it asks for the same.
    info.context.history_bytes += len(orjson.dumps(value))
    check_size(info.context.history_bytes)
    return value


@strawberry.type
class HistoryQuery:
    @strawberry.field(
        description=(
            "Every version of a log entry, ticket or changelog, oldest first; exactly one of the ids. "
            f"All of up to {MOST_VERSIONS:,}; first and afterVersion take a part. None where there is no such thing."
        )
    )
    async def replay_changes(
        self,
        info: Info,
        log_id: strawberry.ID | None = None,
        ticket_id: strawberry.ID | None = None,
        changelog_id: strawberry.ID | None = None,
        first: int | None = None,
        after_version: int | None = None,
    ) -> list[Change]:
        viewer = await info.context.require("replayChanges")
        type_name, identity = _subject({"LogEntry": log_id, "Ticket": ticket_id, "Changelog": changelog_id})
        if first is not None and not 1 <= first <= MAX_PAGE_SIZE:
            raise GraphQLError(f"first must be between 1 and {MAX_PAGE_SIZE}, not {first}")
        if after_version is not None and after_version < 0:
            raise GraphQLError(f"afterVersion must be 0 or more, not {after_version}")
        if identity is None:
            return []
        history = await info.context.use_cases.histories.of(viewer, type_name, identity, after_version or 0, first)
        return [_change(history, index, record) for index, record in enumerate(history.changes)]


def _subject(ids: Mapping[str, str | None]) -> tuple[str, UUID | None]:
    given = [(type_name, one) for type_name, one in ids.items() if one is not None]
    if len(given) != 1:
        raise GraphQLError(f"give exactly one of logId, ticketId and changelogId, not {len(given) or 'none'}")
    ((type_name, one),) = given
    return type_name, uuid_of(one, type_name)


def _change(history: History, index: int, record: ChangeRecord) -> Change:
    return Change(
        history=history,
        index=index,
        version=record.version,
        kind=record.kind,
        changed_at=record.changed_at,
        changed_by=_principal_id(record.changed_by),
    )


def _principal_id(principal: str | None) -> strawberry.ID | None:
    """The global id of a user or API key; None for the system, a service or a partner."""
    kind, _, identity = (principal or "").partition(":")
    try:
        return to_global_id(_PRINCIPALS[kind], UUID(identity))
    except (KeyError, ValueError):
        return None
