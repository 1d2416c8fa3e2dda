"""Queries."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import strawberry

from aiops_contracts.base import Snapshot
from aiops_gateway.domain.access import Viewer, may_see, may_use
from aiops_gateway.domain.paging import PageRequest, Position
from aiops_gateway.graphql.api_keys import ApiKeyQuery, api_key
from aiops_gateway.graphql.audit_log import AuditLogQuery
from aiops_gateway.graphql.changelogs import Changelog
from aiops_gateway.graphql.connections import Connection, connection
from aiops_gateway.graphql.context import Info
from aiops_gateway.graphql.dead_letters import DeadLetterQuery, dead_letter
from aiops_gateway.graphql.feature_flags import FeatureFlagQuery, feature_flag
from aiops_gateway.graphql.history import HistoryQuery
from aiops_gateway.graphql.ids import from_global_id, uuid_of
from aiops_gateway.graphql.inputs import ChangelogFilter, LogEntryFilter, TicketFilter, checked
from aiops_gateway.graphql.llm_runs import LlmRunQuery, llm_run
from aiops_gateway.graphql.raw_contents import RawContentQuery
from aiops_gateway.graphql.types import LogEntry, Node, Ticket, User
from aiops_gateway.repository.read_model import CHANGELOGS, LOG_ENTRIES, TICKETS, Filter, Kind

S = TypeVar("S", bound=Snapshot)

TYPES: dict[str, tuple[Kind[Any], Any]] = {
    "LogEntry": (LOG_ENTRIES, LogEntry),
    "Ticket": (TICKETS, Ticket),
    "Changelog": (CHANGELOGS, Changelog),
}
"""Name of an object type → the kind of entity behind it, and the type."""


@strawberry.type
class Query(HistoryQuery, RawContentQuery, DeadLetterQuery, ApiKeyQuery, AuditLogQuery, LlmRunQuery, FeatureFlagQuery):
    @strawberry.field(description="Any object by its id; null where there is none that you may see.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:  # noqa: A002
        viewer = await info.context.require("node")
        parsed = from_global_id(id)
        if parsed is None:
            return None
        type_name, identity = parsed
        if type_name in TYPES:
            node: Node | None = await _get(info, viewer, type_name, id)
            return node
        find = _FOUND_BY.get(type_name)
        return await find(info, viewer, identity) if find else None

    @strawberry.field(description="The account that is logged in; null for an API key, which is nobody's account.")
    async def me(self, info: Info) -> User | None:
        viewer = await info.context.require("me")
        if not viewer.is_person:
            return None
        return await _account(info, viewer, viewer.user_id)

    @strawberry.field
    async def log_entry(self, info: Info, id: strawberry.ID) -> LogEntry | None:  # noqa: A002
        entry: LogEntry | None = await _get(info, await info.context.require("logEntry"), "LogEntry", id)
        return entry

    @strawberry.field
    async def log_entries(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: LogEntryFilter | None = None,  # noqa: A002
    ) -> Connection[LogEntry]:
        viewer = await info.context.require("logEntries")
        asked = checked(filter or LogEntryFilter())
        condition = Filter(
            equal={"source": asked.source, "state": asked.state, "severity": asked.severity},
            created_after=asked.created_after,
            created_before=asked.created_before,
            text=asked.text,
        )
        page = PageRequest.of(first, after, last, before)
        found: Connection[LogEntry] = await _list(info, viewer, "LogEntry", page, condition)
        return found

    @strawberry.field
    async def ticket(self, info: Info, id: strawberry.ID) -> Ticket | None:  # noqa: A002
        ticket: Ticket | None = await _get(info, await info.context.require("ticket"), "Ticket", id)
        return ticket

    @strawberry.field
    async def tickets(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: TicketFilter | None = None,  # noqa: A002
    ) -> Connection[Ticket]:
        viewer = await info.context.require("tickets")
        asked = checked(filter or TicketFilter())
        condition = Filter(
            equal={
                "status": asked.status,
                "state": asked.state,
                "category": asked.category,
                "severity": asked.severity,
                "priority": asked.priority,
                "needs_review": asked.needs_review,
            },
            text=asked.text,
            hidden=frozenset() if may_see(viewer, "Ticket.body") else frozenset({"body"}),
        )
        page = PageRequest.of(first, after, last, before)
        found: Connection[Ticket] = await _list(info, viewer, "Ticket", page, condition)
        return found

    @strawberry.field
    async def changelog(self, info: Info, id: strawberry.ID) -> Changelog | None:  # noqa: A002
        changelog: Changelog | None = await _get(info, await info.context.require("changelog"), "Changelog", id)
        return changelog

    @strawberry.field
    async def changelogs(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: ChangelogFilter | None = None,  # noqa: A002
    ) -> Connection[Changelog]:
        viewer = await info.context.require("changelogs")
        asked = checked(filter or ChangelogFilter())
        condition = Filter(equal={"project": asked.project, "state": asked.state, "status": asked.status})
        page = PageRequest.of(first, after, last, before)
        found: Connection[Changelog] = await _list(info, viewer, "Changelog", page, condition)
        return found

    @strawberry.field(description="All accounts, newest first. ADMIN only.")
    async def users(self, info: Info, first: int | None = None, after: str | None = None) -> Connection[User]:
        await info.context.require("users")
        reader = info.context.use_cases.reader
        request = PageRequest.of(first, after, None, None)
        users, has_next = await reader.users(request)
        return Connection.of(
            [(Position(user.created_at, user.id), User.of(user)) for user in users],
            has_next=has_next,
            has_previous=after is not None,
            counter=reader.count_users,
        )


async def _account(info: Info, viewer: Viewer, identity: UUID) -> User | None:
    if viewer.user_id != identity and not may_use(viewer, "users"):
        return None
    user = await info.context.use_cases.reader.user(identity)
    return User.of(user) if user else None


_FOUND_BY: Mapping[str, Callable[[Info, Viewer, UUID], Awaitable[Node | None]]] = {
    "User": _account,
    "DeadLetter": dead_letter,
    "ApiKey": api_key,
    "LlmRun": llm_run,
    "FeatureFlag": feature_flag,
}
"""What has an id and is not in TYPES → how it is found."""


async def _get(info: Info, viewer: Viewer, type_name: str, global_id: str) -> Any:
    kind, node = TYPES[type_name]
    identity = uuid_of(global_id, type_name)
    if identity is None:
        return None
    snapshot = await info.context.use_cases.reader.get(kind, identity)
    return node.of(snapshot, viewer) if snapshot else None


async def _list(info: Info, viewer: Viewer, type_name: str, request: PageRequest, condition: Filter) -> Any:
    kind, node = TYPES[type_name]
    reader = info.context.use_cases.reader
    page = await reader.page(kind, request, condition)
    return connection(page, lambda snapshot: node.of(snapshot, viewer), partial(reader.count, kind, condition))
