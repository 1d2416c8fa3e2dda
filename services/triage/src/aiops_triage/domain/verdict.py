"""What triage decides about a ticket, how that came to be, and how a person puts it right."""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

REVIEW_BELOW: Final = 0.5
"""Confidence (0..1) under which a person has to look at a verdict."""


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


_PRIORITY_OF: Final = dict(_MATRIX)
_SEVERITY_OF: Final = {priority: severity for severity, priority in _MATRIX}


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
class SimilarTicket:
    """An earlier ticket that says nearly the same; ``score`` is 0..1, 1 for the same words. ``title`` is redacted."""

    ticket_id: UUID
    title: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a person puts right; what is None stays as it is."""

    category: TicketCategory | None = None
    severity: Severity | None = None
    priority: Priority | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage(Verdict):
    """A verdict and how it came to be; where somebody corrected it, it is that person's, and sure."""

    provenance: Provenance
    model_version: str | None = None
    similar: tuple[SimilarTicket, ...] = ()
    corrected_by: UUID | None = None
    corrected_at: datetime | None = None

    @classmethod
    def of(
        cls,
        verdict: Verdict,
        provenance: Provenance,
        *,
        model_version: str | None = None,
        similar: tuple[SimilarTicket, ...] = (),
    ) -> Self:
        """``verdict`` as decided in the way ``provenance`` tells; ``model_version`` is the model that had a say."""
        decided = {field.name: getattr(verdict, field.name) for field in fields(Verdict)}
        return cls(**decided, provenance=provenance, model_version=model_version, similar=similar)

    def corrected(self, change: Change, by: UUID, at: datetime) -> Self:
        """This verdict with ``change``; of severity and priority the one that is not given follows from the other."""
        severity, priority = change.severity, change.priority
        to = replace(
            self,
            category=change.category or self.category,
            severity=severity or (_SEVERITY_OF[priority] if priority else self.severity),
            priority=priority or (_PRIORITY_OF[severity] if severity else self.priority),
        )
        names = ("category", "severity", "priority")
        told = [f"{n} {was} → {now}" for n in names if (was := getattr(self, n)) is not (now := getattr(to, n))]
        reason = ", ".join(told) or "confirmed"
        # What an earlier correction said stands in the history; what triage said stays.
        said = self.reasons if self.corrected_at is None else self.reasons[:-1]
        return replace(
            to,
            confidence=1.0,
            needs_review=False,
            reasons=(*said, f"corrected by a person: {reason}"),
            corrected_by=by,
            corrected_at=at,
        )
