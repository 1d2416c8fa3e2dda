"""Tickets, what triage decides about them, and the life of a ticket. Standard library only, no IO."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

REVIEW_BELOW: Final = 0.5
"""Confidence (0..1) under which a person has to look at a verdict."""


class TicketStatus(StrEnum):
    """Where a ticket stands in its life."""

    OPEN = "OPEN"
    IN_PROGRESS = "IN_PROGRESS"
    WAITING = "WAITING"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"


class TicketCategory(StrEnum):
    """What a ticket is about."""

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


class Severity(StrEnum):
    """How bad it is for those who depend on the system."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class Priority(StrEnum):
    """The order in which tickets are worked on; P1 first."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


class Level(StrEnum):
    """How great an impact or an urgency is."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class Label(StrEnum):
    """The closed set of labels; nobody invents another one, neither a rule nor a language model."""

    COMPLIANCE = "compliance"
    CUSTOMER_FACING = "customer-facing"
    DATA_LOSS = "data-loss"
    DEADLINE = "deadline"
    DOCUMENTATION = "documentation"
    NON_PRODUCTION = "non-production"
    OUTAGE = "outage"
    PRODUCTION = "production"
    REGRESSION = "regression"
    SECURITY_RISK = "security-risk"
    SINGLE_USER = "single-user"
    WIDESPREAD = "widespread"
    WORK_BLOCKED = "work-blocked"
    WORKAROUND = "workaround"


class JobState(StrEnum):
    """How far a piece of work has come."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class Engine(StrEnum):
    """Who wrote an answer."""

    BUILTIN = "BUILTIN"
    LLM = "LLM"


# Impact × urgency as in ITIL v3, Service Operation, table 4.1 (simple priority coding). ITIL's fifth rank,
# "planning" (low × low), is folded into the fourth: the contract has four.
_RANK: Final = {Level.HIGH: 0, Level.MEDIUM: 1, Level.LOW: 2}
_MATRIX: Final = (
    (Severity.CRITICAL, Priority.P1),
    (Severity.HIGH, Priority.P2),
    (Severity.MEDIUM, Priority.P3),
    (Severity.LOW, Priority.P4),
    (Severity.LOW, Priority.P4),
)


def assess(impact: Level, urgency: Level) -> tuple[Severity, Priority]:
    """Severity and priority of the cell of the ITIL matrix where ``impact`` and ``urgency`` meet."""
    return _MATRIX[_RANK[impact] + _RANK[urgency]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was decided about a ticket; ``confidence`` (0..1) is that of the category."""

    category: TicketCategory
    severity: Severity
    priority: Priority
    confidence: float
    needs_review: bool
    reasons: tuple[str, ...]
    labels: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How a verdict came to be."""

    engine: Engine
    duration_ms: int
    degraded: bool = False
    degraded_reason: str | None = None
    model: str | None = None
    prompt_version: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailure:
    """Why a piece of work was given up, in words that its owner can read."""

    code: str
    message: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage(Verdict):
    """A verdict and how it came to be."""

    provenance: Provenance

    @classmethod
    def of(cls, verdict: Verdict, provenance: Provenance) -> Self:
        """``verdict`` as decided in the way ``provenance`` tells."""
        return cls(
            category=verdict.category,
            severity=verdict.severity,
            priority=verdict.priority,
            confidence=verdict.confidence,
            needs_review=verdict.needs_review,
            reasons=verdict.reasons,
            labels=verdict.labels,
            provenance=provenance,
        )


_TRANSITIONS: Final = {
    TicketStatus.OPEN: (
        TicketStatus.IN_PROGRESS,
        TicketStatus.WAITING,
        TicketStatus.RESOLVED,
        TicketStatus.CLOSED,
    ),
    TicketStatus.IN_PROGRESS: (
        TicketStatus.OPEN,
        TicketStatus.WAITING,
        TicketStatus.RESOLVED,
        TicketStatus.CLOSED,
    ),
    TicketStatus.WAITING: (
        TicketStatus.OPEN,
        TicketStatus.IN_PROGRESS,
        TicketStatus.RESOLVED,
        TicketStatus.CLOSED,
    ),
    TicketStatus.RESOLVED: (TicketStatus.OPEN, TicketStatus.CLOSED),
    TicketStatus.CLOSED: (TicketStatus.OPEN,),
}


def allowed_transitions(status: TicketStatus) -> tuple[TicketStatus, ...]:
    """The statuses a ticket may move to from ``status``; never ``status`` itself."""
    return _TRANSITIONS[status]


class InvalidTransition(Exception):
    """A ticket cannot move from its status to the one asked for; ``allowed`` are those it can move to."""

    def __init__(self, current: TicketStatus, asked: TicketStatus) -> None:
        self.current = current
        self.asked = asked
        self.allowed = allowed_transitions(current)
        super().__init__(f"a ticket that is {current} cannot become {asked}; choose one of: {', '.join(self.allowed)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket at one version; ``title`` and ``body`` are redacted, ``reporter_email`` is personal data."""

    id: UUID
    version: int
    title: str
    body: str
    source: str
    created_at: datetime
    updated_at: datetime
    reporter_email: str | None = None
    status: TicketStatus = TicketStatus.OPEN
    state: JobState = JobState.PENDING
    triage: Triage | None = None
    failure: JobFailure | None = None
    trace_id: str | None = None

    def following(self, before: Self | None) -> Self:
        """This ticket as the version after ``before``: whatever is decided anew, it stands where people moved it."""
        if before is None:
            return replace(self, version=1)
        return replace(self, version=before.version + 1, status=before.status, created_at=before.created_at)

    def move(self, to: TicketStatus, at: datetime) -> Self:
        """This ticket with status ``to`` since ``at`` (aware, UTC), one version on; raises InvalidTransition."""
        if to not in allowed_transitions(self.status):
            raise InvalidTransition(self.status, to)
        return replace(self, status=to, version=self.version + 1, updated_at=at)
