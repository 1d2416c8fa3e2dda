"""Messages owned by triage."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from aiops_contracts.base import (
    Command,
    Event,
    LlmRun,
    Model,
    Provenance,
    ReplayLimit,
    Request,
    Severity,
    Snapshot,
    Storable,
    Timestamp,
)


class TicketStatus(StrEnum):
    """Where a ticket stands in its life."""

    OPEN = "OPEN"
    IN_PROGRESS = "IN_PROGRESS"
    WAITING = "WAITING"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"


class TicketCategory(StrEnum):
    """What a ticket is about: a closed set, a label outside it is refused."""

    INCIDENT = "INCIDENT"
    BUG = "BUG"
    FEATURE_REQUEST = "FEATURE_REQUEST"
    QUESTION = "QUESTION"
    ACCESS = "ACCESS"
    SECURITY = "SECURITY"
    PERFORMANCE = "PERFORMANCE"
    INFRASTRUCTURE = "INFRASTRUCTURE"
    HR = "HR"
    BILLING = "BILLING"
    OTHER = "OTHER"


class Priority(StrEnum):
    """The order in which tickets are worked on; P1 first."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


class SimilarTicket(Model):
    """An earlier ticket that says nearly the same; ``score`` is 0..1, 1 for the same words. ``title`` is redacted."""

    ticket_id: UUID
    title: str
    score: Annotated[float, Field(ge=0, le=1)]


class TriageResult(Model):
    """What triage decided, and the phrases or rules that decided it; ``confidence`` is 0..1.

    ``model_version`` names the trained model that had a say, None where the rules decided alone. ``similar`` has the
    most similar tickets, the nearest first. ``corrected_by`` is who put the decision right, and ``corrected_at`` when;
    the category, severity and priority are then that person's.
    """

    category: TicketCategory
    severity: Severity
    priority: Priority
    confidence: Annotated[float, Field(ge=0, le=1)]
    needs_review: bool
    reasons: tuple[str, ...]
    labels: tuple[str, ...] = ()
    model_version: str | None = None
    similar: tuple[SimilarTicket, ...] = ()
    corrected_by: UUID | None = None
    corrected_at: Timestamp | None = None
    provenance: Provenance


class TicketSnapshot(Snapshot):
    """A ticket; ``title`` and ``body`` are redacted, ``reporter_email`` is personal data."""

    title: str
    body: str
    reporter_email: str | None = None
    source: str
    status: TicketStatus
    triage: TriageResult | None = None


MAX_TITLE_LENGTH = 500
MAX_BODY_LENGTH = 256 * 1024
MAX_SOURCE_LENGTH = 200
MAX_COMMENT_LENGTH = 2000


class TriageTicket(Command):
    """Triage a ticket. The message id becomes the id of the ticket; ``source`` defaults to the publisher.

    ``redacted`` says that title and body were redacted already; it is believed from the project's own services only.
    """

    message_type: ClassVar[str] = "triage.triage_ticket.v1"
    title: Annotated[str, Field(min_length=1, max_length=MAX_TITLE_LENGTH), Storable]
    body: Annotated[str, Field(max_length=MAX_BODY_LENGTH), Storable]
    reporter_email: Annotated[str, Field(max_length=320, pattern=r"^[^@\s]+@[^@\s]+$"), Storable] | None = None
    source: Annotated[str, Field(min_length=1, max_length=MAX_SOURCE_LENGTH), Storable] | None = None
    redacted: bool = False


class TicketTriaged(Event):
    """A ticket has its category, severity and priority."""

    message_type: ClassVar[str] = "triage.ticket_triaged.v1"
    ticket: TicketSnapshot


class TicketTriageFailed(Event):
    """A ticket could not be triaged; ``ticket.failure`` says why."""

    message_type: ClassVar[str] = "triage.ticket_triage_failed.v1"
    ticket: TicketSnapshot


class TicketStatusChanged(Event):
    """A ticket moved to another status."""

    message_type: ClassVar[str] = "triage.ticket_status_changed.v1"
    ticket: TicketSnapshot


class TicketTriageCorrected(Event):
    """A person corrected what triage had decided about a ticket."""

    message_type: ClassVar[str] = "triage.ticket_triage_corrected.v1"
    ticket: TicketSnapshot


class LlmRunsRecorded(Event):
    """A language model was asked about a ticket."""

    message_type: ClassVar[str] = "triage.llm_runs_recorded.v1"
    runs: tuple[LlmRun, ...]


class CorrectTriage(Request):
    """Put right what triage decided, if the ticket still is at ``expected_version``; what is None stays as it is.

    Where neither severity nor priority is given they stay; where one is, the other follows from the matrix.
    """

    message_type: ClassVar[str] = "triage.correct_triage.v1"
    ticket_id: UUID
    expected_version: int
    category: TicketCategory | None = None
    severity: Severity | None = None
    priority: Priority | None = None
    comment: Annotated[str, Field(max_length=MAX_COMMENT_LENGTH), Storable] | None = None
    corrected_by: UUID

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.category is None and self.severity is None and self.priority is None:
            raise ValueError("give at least one of category, severity and priority")
        return self


class TriageCorrectionReply(Model):
    """Answer to CorrectTriage; ``ticket`` is the current one, also on a conflict.

    NOT_TRIAGED: there is no decision yet that could be corrected.
    """

    outcome: Literal["UPDATED", "NOT_FOUND", "VERSION_CONFLICT", "NOT_TRIAGED"]
    ticket: TicketSnapshot | None = None


class UpdateTicketStatus(Request):
    """Move a ticket to ``status`` if it still is at ``expected_version``."""

    message_type: ClassVar[str] = "triage.update_ticket_status.v1"
    ticket_id: UUID
    status: TicketStatus
    expected_version: int
    changed_by: UUID


class TicketStatusReply(Model):
    """Answer to UpdateTicketStatus; ``ticket`` is the current one, also on a conflict."""

    outcome: Literal["UPDATED", "NOT_FOUND", "VERSION_CONFLICT", "INVALID_TRANSITION"]
    ticket: TicketSnapshot | None = None
    allowed: tuple[TicketStatus, ...] = ()


class ReplayTickets(Request):
    """Ask for tickets as they are now, in the order of their ids; ``after`` is the last page's ``next_after``."""

    message_type: ClassVar[str] = "triage.replay_tickets.v1"
    after: UUID | None = None
    limit: ReplayLimit


class ReplayedTickets(Model):
    """Answer to ReplayTickets: a page; ``next_after`` is None on the last one."""

    snapshots: tuple[TicketSnapshot, ...]
    next_after: UUID | None = None


class ListTicketChanges(Request):
    """Ask for the versions of a ticket above ``after``, oldest first; answered with a ChangePage."""

    message_type: ClassVar[str] = "triage.list_ticket_changes.v1"
    ticket_id: UUID
    after: Annotated[int, Field(ge=0)] = 0
    limit: ReplayLimit
