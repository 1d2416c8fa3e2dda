"""What an effect brings beside its entity, against PostgreSQL: with it or not at all, also among others in a batch."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest

from aiops_common.messaging.effects import Also, Effect, EffectWriter, Statement
from aiops_common.messaging.message import Delivery, Outgoing, new_message_id
from aiops_common.postgres import Pool
from aiops_contracts.triage import LlmRunsRecorded, TicketSnapshot, TicketTriaged, TriageTicket
from aiops_triage.domain import JobState, Ticket
from aiops_triage.repository import TicketRepository

INSERT = "INSERT INTO leases (message_id, holder, expires_at) VALUES ($1, $2, now())"
"""Into a table that is of no concern to these effects."""


def effect(message_id: UUID, *, also: bool = True, sql: str = INSERT) -> Effect[Ticket]:
    message = TriageTicket(title="t", body="b")
    delivery = Delivery(message_id, message, "partner:acme", attempt=1, time=datetime.now(UTC), digest=b"one")
    ticket = Ticket(
        id=message_id, version=0, title="t", body="b", source="test", state=JobState.SUCCEEDED,
        created_at=delivery.time, updated_at=delivery.time,
    )  # fmt: skip
    more = Also((LlmRunsRecorded(runs=()),), (Statement(sql, [message_id, new_message_id()]),)) if also else Also()
    return Effect(
        delivery,
        ticket.following,
        lambda entity: TicketTriaged(ticket=TicketSnapshot.model_validate(entity)),
        "ticket.triaged",
        more,
    )


@pytest.fixture
def sent() -> list[Outgoing]:
    return []


@pytest.fixture
def writer(pools: dict[str, Pool], sent: list[Outgoing]) -> EffectWriter[Ticket]:
    return EffectWriter(pools["triage"], TicketRepository(), sent.extend, source="aiops/triage")


async def written(pools: dict[str, Pool], ids: list[UUID]) -> tuple[int, int, int]:
    """How many tickets, further rows, and further events there are of these."""
    async with pools["triage"].connection() as connection:
        tickets = await connection.fetchval("SELECT count(*) FROM tickets WHERE id = ANY($1::uuid[])", ids)
        rows = await connection.fetchval("SELECT count(*) FROM leases WHERE message_id = ANY($1::uuid[])", ids)
        events = await connection.fetchval(
            "SELECT count(*) FROM outbox WHERE routing_key = 'triage.llm_runs_recorded.v1' "
            "AND convert_from(body, 'UTF8')::jsonb ->> 'subject' = ANY($1::text[])",
            [str(one) for one in ids],
        )
    return tickets, rows, events


async def test_effects_with_and_without_more_share_a_batch(
    pools: dict[str, Pool], writer: EffectWriter[Ticket], sent: list[Outgoing]
) -> None:
    plain, more = [[new_message_id() for _ in range(20)] for _ in range(2)]
    effects = [effect(one, also=False) for one in plain] + [effect(one) for one in more]
    assert await asyncio.gather(*map(writer.write, effects)) == [True] * 40
    assert await written(pools, plain) == (20, 0, 0)
    assert await written(pools, more) == (20, 20, 20)
    assert len(sent) == 60


async def test_a_message_that_had_its_effect_brings_nothing_more(
    pools: dict[str, Pool], writer: EffectWriter[Ticket], sent: list[Outgoing]
) -> None:
    identity = new_message_id()
    results = await asyncio.gather(*(writer.write(effect(identity)) for _ in range(10)))
    assert sum(results) == 1
    assert not await writer.write(effect(identity))
    assert await written(pools, [identity]) == (1, 1, 1)
    assert len(sent) == 2


async def test_one_that_cannot_be_written_fails_alone(
    pools: dict[str, Pool], writer: EffectWriter[Ticket], sent: list[Outgoing]
) -> None:
    good, bad = [new_message_id() for _ in range(5)], new_message_id()
    broken = effect(bad, sql="INSERT INTO leases (message_id, holder, expires_at) VALUES ($1, $2, NULL)")
    results = await asyncio.gather(*map(writer.write, [*map(effect, good), broken]), return_exceptions=True)
    assert results[:5] == [True] * 5
    assert isinstance(results[5], Exception)
    assert await written(pools, good) == (5, 5, 5)
    assert await written(pools, [bad]) == (0, 0, 0)
    assert {message.id for message in sent} == {message.id for message in sent if str(bad) not in str(message.body)}


async def test_a_failure_and_the_success_after_it_bring_theirs(
    pools: dict[str, Pool], writer: EffectWriter[Ticket]
) -> None:
    identity = new_message_id()
    assert await writer.write_failure(effect(identity))
    assert await written(pools, [identity]) == (1, 1, 1)
    other = effect(identity, sql="UPDATE leases SET holder = $2 WHERE message_id = $1")
    assert await writer.write(other)
    assert await written(pools, [identity]) == (1, 1, 2)
