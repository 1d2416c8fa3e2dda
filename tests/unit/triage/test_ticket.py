"""The ITIL matrix, the life of a ticket, and that the domain speaks the contract's language."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import product
from uuid import UUID

import pytest

from aiops_contracts import base, triage
from aiops_triage import domain
from aiops_triage.domain import InvalidTransition, Level, Priority, Severity, TicketStatus, allowed_transitions, assess

CREATED = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def ticket(status: TicketStatus = TicketStatus.OPEN) -> domain.Ticket:
    return domain.Ticket(
        id=UUID(int=1),
        version=3,
        title="t",
        body="b",
        source="mail",
        created_at=CREATED,
        updated_at=CREATED,
        status=status,
    )


def test_the_corners_of_the_matrix() -> None:
    assert assess(Level.HIGH, Level.HIGH) == (Severity.CRITICAL, Priority.P1)
    assert assess(Level.MEDIUM, Level.MEDIUM) == (Severity.MEDIUM, Priority.P3)
    assert assess(Level.LOW, Level.LOW) == (Severity.LOW, Priority.P4)


def test_more_impact_or_urgency_never_means_less_priority() -> None:
    levels, priorities, severities = list(Level), list(Priority), list(Severity)
    for (impact, urgency), (lesser_impact, lesser_urgency) in product(product(levels, levels), repeat=2):
        if levels.index(impact) <= levels.index(lesser_impact) and levels.index(urgency) <= levels.index(
            lesser_urgency
        ):
            severity, priority = assess(impact, urgency)
            lesser_severity, lesser_priority = assess(lesser_impact, lesser_urgency)
            assert priorities.index(priority) <= priorities.index(lesser_priority)
            assert severities.index(severity) <= severities.index(lesser_severity)


def test_a_move_makes_the_next_version() -> None:
    later = CREATED + timedelta(hours=1)
    moved = ticket().move(TicketStatus.IN_PROGRESS, later)
    assert (moved.status, moved.version, moved.updated_at) == ("IN_PROGRESS", 4, later)
    assert (moved.id, moved.created_at) == (UUID(int=1), CREATED)


@pytest.mark.parametrize(("current", "to"), list(product(TicketStatus, TicketStatus)))
def test_only_allowed_moves_are_made(current: TicketStatus, to: TicketStatus) -> None:
    if to in allowed_transitions(current):
        assert ticket(current).move(to, CREATED).status is to
    else:
        with pytest.raises(InvalidTransition, match=f"{current} cannot become {to}") as refused:
            ticket(current).move(to, CREATED)
        assert refused.value.allowed == allowed_transitions(current)


def test_done_tickets_can_only_be_reopened_or_closed() -> None:
    assert allowed_transitions(TicketStatus.RESOLVED) == (TicketStatus.OPEN, TicketStatus.CLOSED)
    assert allowed_transitions(TicketStatus.CLOSED) == (TicketStatus.OPEN,)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (domain.TicketStatus, triage.TicketStatus),
        (domain.TicketCategory, triage.TicketCategory),
        (domain.Priority, triage.Priority),
        (domain.Severity, base.Severity),
        (domain.JobState, base.JobState),
        (domain.Engine, base.Engine),
    ],
)
def test_enums_have_the_contracts_values(ours: type[StrEnum], theirs: type[StrEnum]) -> None:
    assert [member.value for member in ours] == [member.value for member in theirs]


def test_a_ticket_becomes_a_snapshot() -> None:
    verdict = domain.Verdict(
        category=domain.TicketCategory.BUG,
        severity=Severity.HIGH,
        priority=Priority.P2,
        confidence=0.7,
        needs_review=False,
        reasons=("category BUG",),
        labels=(domain.Label.REGRESSION,),
    )
    provenance = domain.Provenance(engine=domain.Engine.BUILTIN, duration_ms=1)
    snapshot = triage.TicketSnapshot.model_validate(
        replace(
            ticket(),
            triage=domain.Triage.of(verdict, provenance),
            failure=domain.JobFailure(code="c", message="m", attempts=2),
        )
    )
    assert snapshot.triage is not None
    assert snapshot.triage.category is triage.TicketCategory.BUG
    assert snapshot.triage.severity is base.Severity.HIGH
    assert snapshot.triage.provenance.engine is base.Engine.BUILTIN
    assert snapshot.model_dump(mode="json")["triage"]["labels"] == ["regression"]
    assert snapshot.failure is not None
    assert snapshot.failure.attempts == 2
