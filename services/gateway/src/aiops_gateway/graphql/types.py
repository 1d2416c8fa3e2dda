"""Objects of the API. Nested values that have no field of their own kind are the contracts' models as they are."""

from datetime import datetime
from typing import Self, cast

import strawberry

from aiops_contracts import triage
from aiops_contracts.auth import UserSnapshot
from aiops_contracts.summarizer import LogSnapshot
from aiops_contracts.triage import TicketSnapshot
from aiops_gateway.domain.access import Viewer
from aiops_gateway.graphql.context import Info
from aiops_gateway.graphql.enums import (
    Engine,
    JobState,
    LogLevel,
    Priority,
    Role,
    Severity,
    TicketCategory,
    TicketStatus,
)
from aiops_gateway.graphql.ids import to_global_id


@strawberry.interface(description="Anything that has an id of its own.")
class Node:
    id: strawberry.ID


@strawberry.type(description="How a result came to be.")
class Provenance:
    engine: Engine
    degraded: bool = strawberry.field(description="The LLM was wanted and the built-in engine answered.")
    degraded_reason: str | None
    model: str | None
    prompt_version: str | None
    input_tokens: int | None
    output_tokens: int | None
    duration_ms: int


@strawberry.type(description="Why a piece of work was given up.")
class JobFailure:
    code: str
    message: str
    attempts: int


@strawberry.type(description="Lines that differ in their variable parts only.")
class LogPattern:
    template: str = strawberry.field(description="Variable parts as <*>.")
    level: LogLevel
    count: int
    first_seen: datetime | None
    last_seen: datetime | None
    first_line: int = strawberry.field(description="1-based.")
    example: str = strawberry.field(description="Redacted.")


@strawberry.type(description="What a log says.")
class LogSummary:
    headline: str
    text: str
    severity: Severity
    first_seen: datetime | None
    last_seen: datetime | None
    patterns: list[LogPattern] = strawberry.field(
        description="Ordered by importance; the counts of all patterns add up to lineCount."
    )
    pattern_count: int
    redactions: int
    provenance: Provenance


@strawberry.type(description="A log and its summary.")
class LogEntry(Node):
    snapshot: strawberry.Private[LogSnapshot]
    viewer: strawberry.Private[Viewer]
    version: int
    source: str = strawberry.field(description="The system that wrote the log.")
    line_count: int
    byte_count: int
    state: JobState
    summary: LogSummary | None
    failure: JobFailure | None
    trace_id: str | None = strawberry.field(description="Look it up in Jaeger.")
    created_at: datetime
    updated_at: datetime

    @strawberry.field(description="Redacted; null where the reader's role may not see it.")
    async def content(self, info: Info) -> str | None:
        if info.context.masked.hides(self.viewer, "LogEntry.content", info.path):
            return None
        # Lists leave the text out; it is fetched for those only who ask for it.
        if self.snapshot.content:
            return self.snapshot.content
        return await info.context.contents.load(self.snapshot.id)

    @classmethod
    def of(cls, s: LogSnapshot, viewer: Viewer) -> Self:
        """As ``viewer`` may see it."""
        return cls(
            id=to_global_id("LogEntry", s.id),
            snapshot=s,
            viewer=viewer,
            version=s.version,
            source=s.source,
            line_count=s.line_count,
            byte_count=s.byte_count,
            state=s.state,
            summary=cast(LogSummary | None, s.summary),
            failure=cast(JobFailure | None, s.failure),
            trace_id=s.trace_id,
            created_at=s.created_at,
            updated_at=s.updated_at,
        )


def _ticket_id(root: strawberry.Parent[triage.SimilarTicket]) -> strawberry.ID:
    return to_global_id("Ticket", root.ticket_id)


@strawberry.type(description="An earlier ticket that says nearly the same.")
class SimilarTicket:
    ticket_id: strawberry.ID = strawberry.field(resolver=_ticket_id)
    title: str = strawberry.field(description="Redacted.")
    score: float = strawberry.field(description="0..1, 1 for the same words.")


def _corrected_by(root: strawberry.Parent[triage.TriageResult]) -> strawberry.ID | None:
    return to_global_id("User", root.corrected_by) if root.corrected_by else None


@strawberry.type(description="What triage decided about a ticket, or whoever corrected it.")
class Triage:
    category: TicketCategory
    severity: Severity
    priority: Priority
    confidence: float = strawberry.field(description="0..1")
    needs_review: bool = strawberry.field(description="Below the confidence threshold.")
    reasons: list[str] = strawberry.field(description="The phrases or rules that decided.")
    labels: list[str]
    model_version: str | None = strawberry.field(
        description="The trained model that had a say; null where the rules decided alone."
    )
    similar: list[SimilarTicket] = strawberry.field(description="The most similar earlier tickets, the nearest first.")
    corrected_by: strawberry.ID | None = strawberry.field(
        resolver=_corrected_by, description="The User whose category, severity and priority these are; null: triage's."
    )
    corrected_at: datetime | None
    provenance: Provenance


@strawberry.type(description="A ticket and what triage decided about it.")
class Ticket(Node):
    snapshot: strawberry.Private[TicketSnapshot]
    viewer: strawberry.Private[Viewer]
    version: int
    title: str
    source: str
    status: TicketStatus
    state: JobState
    triage: Triage | None
    failure: JobFailure | None
    trace_id: str | None
    created_at: datetime
    updated_at: datetime

    @strawberry.field(description="Redacted; null where masked.")
    def body(self, info: Info) -> str | None:
        hidden = info.context.masked.hides(self.viewer, "Ticket.body", info.path)
        return None if hidden else self.snapshot.body

    @strawberry.field(description="Personal data: ADMIN and HR only, null for the others.")
    def reporter_email(self, info: Info) -> str | None:
        hidden = info.context.masked.hides(self.viewer, "Ticket.reporterEmail", info.path)
        return None if hidden else self.snapshot.reporter_email

    @classmethod
    def of(cls, s: TicketSnapshot, viewer: Viewer) -> Self:
        """As ``viewer`` may see it."""
        return cls(
            id=to_global_id("Ticket", s.id),
            snapshot=s,
            viewer=viewer,
            version=s.version,
            title=s.title,
            source=s.source,
            status=s.status,
            state=s.state,
            triage=cast(Triage | None, s.triage),
            failure=cast(JobFailure | None, s.failure),
            trace_id=s.trace_id,
            created_at=s.created_at,
            updated_at=s.updated_at,
        )


@strawberry.type(description="An account.")
class User(Node):
    email: str
    display_name: str
    role: Role
    version: int
    created_at: datetime

    @classmethod
    def of(cls, s: UserSnapshot) -> Self:
        """An account as its owner and administrators see it."""
        return cls(
            id=to_global_id("User", s.id),
            email=s.email,
            display_name=s.display_name,
            role=s.role,
            version=s.version,
            created_at=s.created_at,
        )
