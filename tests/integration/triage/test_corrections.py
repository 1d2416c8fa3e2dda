"""People put verdicts right, on a real PostgreSQL."""

import asyncio
from uuid import UUID

import orjson
import pytest

from aiops_common.messaging.message import Poison, new_message_id
from aiops_common.postgres import Pool
from aiops_contracts.base import JobFailure
from aiops_contracts.triage import ListTicketChanges, TicketStatus, UpdateTicketStatus
from aiops_triage.service import TriageService, examples, latest_corrections
from integration.triage.conftest import ACTOR, PERSON, correction, delivered, service, stored, submitted


@pytest.fixture
async def ticket_id(triage: TriageService) -> UUID:
    """A ticket that was triaged."""
    delivery = submitted("Mail is down", "for everybody since noon")
    await triage.triage(delivery)
    return delivery.id


async def test_a_correction_is_the_next_version_and_that_persons(
    triage: TriageService, pool: Pool, ticket_id: UUID
) -> None:
    before = (await stored(pool, ticket_id)).triage
    assert before is not None
    reply = await triage.correct(
        correction(ticket_id, category="BILLING", priority="P4", comment="ask ann@example.com")
    )
    assert reply.outcome == "UPDATED"
    assert reply.ticket is not None
    assert reply.ticket == await stored(pool, ticket_id)
    assert reply.ticket.version == 2
    after = reply.ticket.triage
    assert after is not None
    assert (after.category, after.severity, after.priority) == ("BILLING", "LOW", "P4")
    assert (after.confidence, after.needs_review) == (1.0, False)
    assert (after.corrected_by, after.corrected_at) == (PERSON, reply.ticket.updated_at)
    assert after.reasons[:-1] == before.reasons
    assert after.reasons[-1].startswith("corrected by a person: category INCIDENT → BILLING, severity CRITICAL → LOW")
    # Whoever may not read the ticket's text reads the reasons: the comment stays with the correction.
    assert "ask" not in after.reasons[-1]
    assert str(PERSON) not in after.reasons[-1]
    assert after.provenance == before.provenance


async def test_the_correction_is_told_kept_and_in_the_history(
    triage: TriageService, pool: Pool, ticket_id: UUID
) -> None:
    await triage.correct(correction(ticket_id, category="BILLING", comment="an invoice"))
    async with pool.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM triage_corrections WHERE ticket_id = $1", ticket_id)
        sent = await connection.fetchval(
            "SELECT count(*) FROM outbox WHERE routing_key = 'triage.ticket_triage_corrected.v1'"
        )
    assert sent == 1
    assert (row["version"], row["title"], row["body"]) == (2, "Mail is down", "for everybody since noon")
    assert (row["comment"], row["corrected_by"]) == ("an invoice", PERSON)
    assert orjson.loads(row["before"])["category"] == "INCIDENT"
    assert orjson.loads(row["after"])["category"] == "BILLING"
    history = await triage.changes(delivered(ListTicketChanges(ticket_id=ticket_id, limit=10)))
    assert [(change.kind, change.changed_by) for change in history.changes] == [
        ("ticket.triaged", None),
        ("ticket.triage_corrected", ACTOR),
    ]


async def test_of_many_at_once_on_one_version_one_wins(triage: TriageService, pool: Pool, ticket_id: UUID) -> None:
    processes = [triage, service(pool), service(pool)]
    asked = [correction(ticket_id, category=name) for name in ("BILLING", "HR", "ACCESS", "BUG", "SECURITY", "OTHER")]
    replies = await asyncio.gather(*(processes[number % 3].correct(delivery) for number, delivery in enumerate(asked)))
    assert sorted(reply.outcome for reply in replies) == ["UPDATED"] + ["VERSION_CONFLICT"] * 5
    present = await stored(pool, ticket_id)
    assert present.version == 2
    assert all(reply.ticket == present for reply in replies)
    assert len([one async for one in latest_corrections(pool)]) == 1


async def test_models_learn_a_category_only_from_those_who_gave_one(
    triage: TriageService, pool: Pool, ticket_id: UUID
) -> None:
    await triage.correct(correction(ticket_id, severity="LOW"))
    assert await examples(pool) == []
    await triage.correct(correction(ticket_id, version=2, category="INCIDENT"))
    await triage.correct(correction(ticket_id, version=3, priority="P2"))
    assert [(one.title, one.label) for one in await examples(pool)] == [("Mail is down", "INCIDENT")]
    assert [one.after.severity async for one in latest_corrections(pool)] == ["HIGH"]


async def test_a_repeated_request_changes_nothing(triage: TriageService, pool: Pool, ticket_id: UUID) -> None:
    delivery = correction(ticket_id)
    replies = await asyncio.gather(*(triage.correct(delivery) for _ in range(20)))
    assert {reply.outcome for reply in replies} == {"UPDATED"}
    assert (await stored(pool, ticket_id)).version == 2


async def test_what_cannot_be_corrected_is_said(triage: TriageService, ticket_id: UUID) -> None:
    assert (await triage.correct(correction(new_message_id()))).outcome == "NOT_FOUND"
    given_up = submitted("It broke")
    await triage.give_up(given_up, JobFailure(code="attempts_spent", message="it broke", attempts=5))
    reply = await triage.correct(correction(given_up.id))
    assert reply.outcome == "NOT_TRIAGED"
    assert reply.ticket is not None
    assert reply.ticket.version == 1
    stale = await triage.correct(correction(ticket_id, version=7))
    assert (stale.outcome, stale.ticket and stale.ticket.version) == ("VERSION_CONFLICT", 1)


async def test_neither_status_nor_another_triage_undoes_a_correction(
    triage: TriageService, pool: Pool, ticket_id: UUID
) -> None:
    await triage.correct(correction(ticket_id))
    request = UpdateTicketStatus(
        ticket_id=ticket_id, status=TicketStatus.RESOLVED, expected_version=2, changed_by=PERSON
    )
    await triage.update_status(delivered(request))
    async with pool.connection() as connection:
        # As long after it was triaged as no redelivery comes any more, except when somebody sends it again.
        await connection.execute("DELETE FROM inbox WHERE message_id = $1", ticket_id)
    with pytest.raises(Poison, match="id"):
        await triage.triage(submitted("Mail is down", "for everybody since noon", ticket_id))
    present = await stored(pool, ticket_id)
    assert present.triage is not None
    assert (present.version, present.status, present.triage.category) == (3, "RESOLVED", "BILLING")
    assert present.triage.corrected_by == PERSON


async def test_the_last_correction_of_a_ticket_is_the_example(
    triage: TriageService, pool: Pool, ticket_id: UUID
) -> None:
    await triage.correct(correction(ticket_id, category="BILLING"))
    second = await triage.correct(correction(ticket_id, version=2, category="ACCESS"))
    assert second.ticket is not None
    assert second.ticket.triage is not None
    said = [reason for reason in second.ticket.triage.reasons if reason.startswith("corrected by a person")]
    assert said == ["corrected by a person: category BILLING → ACCESS"]
    assert [(one.title, one.label) for one in await examples(pool)] == [("Mail is down", "ACCESS")]
