"""Effects against PostgreSQL: at most one for a message, none for a message that uses somebody else's id."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from aiops_common.messaging.effects import Effect, EffectWriter
from aiops_common.messaging.message import Delivery, Outgoing, Poison, new_message_id
from aiops_common.postgres import Pool
from aiops_contracts.base import Event
from aiops_contracts.triage import TicketSnapshot, TicketTriaged, TicketTriageFailed, TriageTicket
from aiops_triage.domain import JobFailure, JobState, Ticket
from aiops_triage.repository import TicketRepository
from support.eventually import eventually


def delivery(message_id: UUID, digest: bytes = b"one", principal: str = "partner:acme") -> Delivery[TriageTicket]:
    message = TriageTicket(title="t", body="b")
    return Delivery(message_id, message, principal, attempt=1, time=datetime.now(UTC), digest=digest)


def triaged(ticket: Ticket) -> Event:
    kind = TicketTriaged if ticket.state == JobState.SUCCEEDED else TicketTriageFailed
    return kind(ticket=TicketSnapshot.model_validate(ticket))


def effect(of: Delivery[TriageTicket], state: JobState = JobState.SUCCEEDED) -> Effect[Ticket]:
    ticket = Ticket(
        id=of.id,
        version=0,
        title=of.principal,
        body="b",
        source="test",
        state=state,
        failure=JobFailure(code="broken", message="it broke", attempts=1) if state == JobState.FAILED else None,
        created_at=of.time,
        updated_at=of.time,
    )
    return Effect(of, ticket.following, triaged, "ticket.triaged")


@pytest.fixture
def writer(pools: dict[str, Pool]) -> EffectWriter[Ticket]:
    def hand_over(_messages: Sequence[Outgoing]) -> None:
        return None

    return EffectWriter(pools["triage"], TicketRepository(), hand_over, source="aiops/triage")


async def stored(pools: dict[str, Pool], ticket_id: UUID) -> tuple[int, str, str, int]:
    """Version, state and title of the ticket, and the number of its events."""
    async with pools["triage"].connection() as connection:
        row = await connection.fetchrow("SELECT version, state, title FROM tickets WHERE id = $1", ticket_id)
        events = await connection.fetchval(
            "SELECT count(*) FROM outbox WHERE convert_from(body, 'UTF8')::jsonb ->> 'subject' = $1", str(ticket_id)
        )
    return row["version"], row["state"], row["title"], events


async def test_the_same_message_a_hundred_times_at_once_has_one_effect(
    pools: dict[str, Pool], writer: EffectWriter[Ticket]
) -> None:
    message_id = new_message_id()
    written = await asyncio.gather(*(writer.write(effect(delivery(message_id))) for _ in range(100)))
    assert sum(written) == 1
    assert await stored(pools, message_id) == (1, "SUCCEEDED", "partner:acme", 1)


@pytest.mark.parametrize("together", [True, False])
async def test_another_message_of_the_same_id_has_none(
    pools: dict[str, Pool], writer: EffectWriter[Ticket], together: bool
) -> None:
    message_id = new_message_id()
    first, second = effect(delivery(message_id)), effect(delivery(message_id, b"another"))
    if together:
        written, refused = await asyncio.gather(writer.write(first), writer.write(second), return_exceptions=True)
    else:
        written = await writer.write(first)
        (refused,) = await asyncio.gather(writer.write(second), return_exceptions=True)
    assert written is True
    assert isinstance(refused, Poison)
    assert refused.reason == "id_reused"
    assert await stored(pools, message_id) == (1, "SUCCEEDED", "partner:acme", 1)


async def test_its_sender_may_turn_a_failure_into_a_success(
    pools: dict[str, Pool], writer: EffectWriter[Ticket]
) -> None:
    message_id = new_message_id()
    failed = effect(delivery(message_id), JobState.FAILED)
    assert await writer.write_failure(failed)
    assert not await writer.write_failure(failed)
    assert await stored(pools, message_id) == (1, "FAILED", "partner:acme", 1)
    assert await writer.write(effect(delivery(message_id)))
    assert not await writer.write(effect(delivery(message_id)))
    assert not await writer.write_failure(failed)
    assert await stored(pools, message_id) == (2, "SUCCEEDED", "partner:acme", 2)


async def test_nobody_else_may(pools: dict[str, Pool], writer: EffectWriter[Ticket]) -> None:
    message_id = new_message_id()
    await writer.write_failure(effect(delivery(message_id, principal="user:1"), JobState.FAILED))
    stranger = effect(delivery(message_id, b"x", principal="partner:acme"))
    with pytest.raises(Poison) as refused:
        await writer.write(stranger)
    assert refused.value.reason == "id_taken"
    assert await stored(pools, message_id) == (1, "FAILED", "user:1", 1)
    assert await writer.write(effect(delivery(message_id, principal="user:1")))


async def test_what_succeeded_stays_when_its_message_is_long_forgotten(
    pools: dict[str, Pool], writer: EffectWriter[Ticket]
) -> None:
    message_id = new_message_id()
    await writer.write(effect(delivery(message_id)))
    async with pools["triage"].connection() as connection:
        await connection.execute("DELETE FROM inbox WHERE message_id = $1", message_id)
    with pytest.raises(Poison):
        await writer.write(effect(delivery(message_id)))
    assert await stored(pools, message_id) == (1, "SUCCEEDED", "partner:acme", 1)


async def is_blocked(pool: Pool) -> None:
    """Wait until a statement waits for a lock."""

    async def look() -> int | None:
        async with pool.connection() as connection:
            waiting: int = await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return waiting

    await eventually(look)


async def test_a_success_that_comes_while_its_message_is_given_up_stays(
    pools: dict[str, Pool], writer: EffectWriter[Ticket]
) -> None:
    message_id = new_message_id()
    async with pools["triage"].transaction() as connection:
        await TicketRepository().save(connection, [effect(delivery(message_id)).follow(None)])
        giving_up = asyncio.create_task(writer.write_failure(effect(delivery(message_id), JobState.FAILED)))
        await is_blocked(pools["triage"])
    assert await giving_up is False
    assert await stored(pools, message_id) == (1, "SUCCEEDED", "partner:acme", 0)


async def test_a_status_that_is_moved_while_a_failure_becomes_a_success_gets_a_version_of_its_own(
    pools: dict[str, Pool], writer: EffectWriter[Ticket]
) -> None:
    message_id = new_message_id()
    repository = TicketRepository()
    await writer.write_failure(effect(delivery(message_id), JobState.FAILED))
    async with pools["triage"].transaction() as connection:
        ticket = await repository.get_for_update(connection, message_id)
        assert ticket is not None
        retried = asyncio.create_task(writer.write(effect(delivery(message_id))))
        await is_blocked(pools["triage"])
        await repository.save(connection, [replace(ticket, version=2)])
    assert await retried
    assert await stored(pools, message_id) == (3, "SUCCEEDED", "partner:acme", 2)
