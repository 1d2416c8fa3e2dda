"""The audit log in the API, for ADMIN: who did what to whom, from where, with which outcome."""

import re
from datetime import datetime
from functools import partial
from typing import Any, Final, Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from aiops_gateway.domain.access import PrincipalKind
from aiops_gateway.domain.paging import InvalidPage, PageRequest, Position
from aiops_gateway.graphql.connections import Connection
from aiops_gateway.graphql.context import Info
from aiops_gateway.graphql.ids import from_global_id, to_global_id
from aiops_gateway.graphql.inputs import checked
from aiops_gateway.repository.audit import Condition, Record

_SUBJECTS: Final = {
    "account": "User",
    "api_key": "ApiKey",
    "session": "User",
    "setUserRole": "User",
    "removeUser": "User",
    "revokeApiKey": "ApiKey",
    "rawLogContent": "LogEntry",
    "correctTriage": "Ticket",
    "editChangelog": "Changelog",
    "approveChangelog": "Changelog",
    "publishChangelog": "Changelog",
    "reopenChangelog": "Changelog",
    "llmRuns": "LlmRun",
}
"""What an action begins with → the type of what it is done to."""

_PRINCIPALS: Final = {"User": PrincipalKind.USER, "ApiKey": PrincipalKind.API_KEY}
_ACTOR: Final = re.compile(r"(user|key):[0-9a-f-]{36}|[a-z]{1,20}(:[a-z0-9_-]{1,60})?")
_ACTION: Final = re.compile(r"[A-Za-z_.]{1,100}")
_OUTCOME: Final = re.compile(r"[A-Z_]{1,50}")


@strawberry.type(description="Something that was done, or tried.")
class AuditRecord:
    id: strawberry.ID
    at: datetime
    action: str = strawberry.field(description="e.g. session.logged_in, or the name of a root field.")
    outcome: str = strawberry.field(description="e.g. OK, FORBIDDEN; STARTED: it was not concluded.")
    actor: str = strawberry.field(description="user:<uuid>, key:<uuid>, system or anonymous.")
    subject: strawberry.ID | None = strawberry.field(description="What it was done to: a User, a Ticket, …")
    address: str | None = strawberry.field(description="Network address that it came from.")
    trace_id: str | None = strawberry.field(description="Look it up in Jaeger.")
    details: JSON = strawberry.field(description="Ids, numbers and codes; nothing personal and no secret.")

    @classmethod
    def of(cls, record: Record) -> Self:
        """As administrators see it."""
        subject_type = _SUBJECTS.get(record.action.partition(".")[0], "Subject")
        return cls(
            id=to_global_id("AuditRecord", record.id),
            at=record.at,
            action=record.action,
            outcome=record.outcome,
            actor=record.principal,
            subject=to_global_id(subject_type, record.subject) if record.subject else None,
            address=record.address,
            trace_id=record.trace_id,
            details=JSON(record.details),
        )


@strawberry.type(name="AuditLogConnection")
class AuditLogConnection(Connection[AuditRecord]):
    pass


@strawberry.input
class AuditLogFilter:
    actor: str | None = strawberry.field(default=None, description="As in AuditRecord, or the id of a User or ApiKey.")
    action: str | None = None
    outcome: str | None = None
    subject: strawberry.ID | None = None
    since: datetime | None = strawberry.field(default=None, description="The first instant.")
    until: datetime | None = strawberry.field(default=None, description="The instant behind the last one.")


@strawberry.type
class AuditLogQuery:
    @strawberry.field(
        description="What was done to accounts, keys, sessions, dead letters, triage and changelogs, and who read "
        "what is sensitive; newest first, totalCount ends at 10,000. Reading it is recorded too. ADMIN only."
    )
    async def audit_log(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        filter: AuditLogFilter | None = None,  # noqa: A002
    ) -> AuditLogConnection:
        viewer = await info.context.require("auditLog")
        request, condition = PageRequest.of(first, after, None, None), _condition(checked(filter or AuditLogFilter()))
        log = info.context.use_cases.audit_log
        rows, has_next = await log.page(viewer, request, condition, info.context.address)
        return AuditLogConnection.of(
            [(Position(one.at, one.id), AuditRecord.of(one)) for one in rows],
            has_next=has_next,
            has_previous=after is not None,
            counter=partial(log.count, condition),
        )


def _condition(asked: AuditLogFilter) -> Condition:
    """What is asked for is written into the log itself, so only what can stand there may be asked for.

    Raises:
        InvalidPage: a condition that no record can meet.
    """
    return Condition(
        principal=_matching("actor", _principal(asked.actor), _ACTOR),
        action=_matching("action", asked.action, _ACTION),
        outcome=_matching("outcome", asked.outcome, _OUTCOME),
        subject=_subject(asked.subject),
        since=asked.since,
        until=asked.until,
    )


def _matching(name: str, value: str | None, form: re.Pattern[str]) -> str | None:
    if value is not None and not form.fullmatch(value):
        raise InvalidPage(f"filter.{name} is nothing that a record of the audit log can have")
    return value


def _principal(actor: str | None) -> str | None:
    parsed: tuple[str, UUID] | None = from_global_id(actor) if actor else None
    if parsed is not None and parsed[0] in _PRINCIPALS:
        return f"{_PRINCIPALS[parsed[0]]}:{parsed[1]}"
    return actor


def _subject(subject: Any) -> UUID | None:
    if subject is None:
        return None
    parsed = from_global_id(subject)
    if parsed is None:
        raise InvalidPage("filter.subject is not the id of anything")
    return parsed[1]
