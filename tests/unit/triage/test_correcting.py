"""What a correction makes of a verdict."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from aiops_triage.domain import (
    Change,
    Engine,
    JobState,
    NotTriaged,
    Priority,
    Provenance,
    Severity,
    Ticket,
    TicketCategory,
    Triage,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SOMEBODY = UUID(int=7)
VERDICT = Triage(
    category=TicketCategory.BUG,
    severity=Severity.LOW,
    priority=Priority.P4,
    confidence=0.4,
    needs_review=True,
    reasons=("a", "b"),
    provenance=Provenance(engine=Engine.LLM, duration_ms=3, model="m"),
    model_version="m1",
)
TICKET = Ticket(
    id=UUID(int=1), version=1, title="t", body="b", source="s", created_at=NOW, updated_at=NOW,
    state=JobState.SUCCEEDED, triage=VERDICT,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "severity", "priority", "told"),
    [
        (Change(category=TicketCategory.HR), "LOW", "P4", "category BUG → HR"),
        (Change(severity=Severity.CRITICAL), "CRITICAL", "P1", "severity LOW → CRITICAL, priority P4 → P1"),
        (Change(priority=Priority.P2), "HIGH", "P2", "severity LOW → HIGH, priority P4 → P2"),
        (Change(severity=Severity.MEDIUM, priority=Priority.P1), "MEDIUM", "P1", "severity LOW → MEDIUM, priority P4"),
        (Change(category=TicketCategory.BUG), "LOW", "P4", "confirmed"),
    ],
)
def test_what_is_not_given_stays_or_follows_from_the_matrix(
    change: Change, severity: str, priority: str, told: str
) -> None:
    after = VERDICT.corrected(change, SOMEBODY, NOW)
    assert (after.severity, after.priority) == (severity, priority)
    assert after.reasons[:2] == VERDICT.reasons
    assert after.reasons[2].startswith(f"corrected by a person: {told}")
    assert (after.confidence, after.needs_review, after.corrected_by) == (1.0, False, SOMEBODY)
    assert (after.provenance, after.model_version) == (VERDICT.provenance, "m1")


def test_of_many_corrections_the_last_is_told() -> None:
    once = VERDICT.corrected(Change(category=TicketCategory.HR), SOMEBODY, NOW)
    twice = once.corrected(Change(category=TicketCategory.ACCESS), SOMEBODY, NOW)
    assert twice.reasons == ("a", "b", "corrected by a person: category HR → ACCESS")


def test_a_ticket_without_a_verdict_cannot_be_corrected() -> None:
    with pytest.raises(NotTriaged, match="FAILED"):
        replace(TICKET, triage=None, state=JobState.FAILED).correct(Change(), SOMEBODY, NOW)


def test_whatever_is_decided_anew_a_correction_stays() -> None:
    corrected = TICKET.correct(Change(category=TicketCategory.HR), SOMEBODY, NOW)
    anew = replace(TICKET, version=0, triage=replace(VERDICT, category=TicketCategory.BILLING))
    assert anew.following(corrected) == replace(corrected, version=3)
    following = anew.following(TICKET)
    assert following.triage is not None
    assert following.triage.category == TicketCategory.BILLING
