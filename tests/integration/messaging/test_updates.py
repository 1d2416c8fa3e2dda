"""Updates against PostgreSQL: each request at most once, only of the version it names, and all of it or nothing."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from aiops_common.messaging.message import Delivery, Poison, new_message_id
from aiops_common.messaging.updates import Settled, Updates
from aiops_common.postgres import Pool
from aiops_contracts.triage import TicketSnapshot, TicketStatusChanged, UpdateTicketStatus
from aiops_triage.domain import Ticket, TicketStatus
from aiops_triage.repository import TicketRepository

ADA = UUID("6ab5f2a4-7b0c-4a53-9c1e-2f4b7d1f0c11")
ACTOR = f"user:{ADA}"


def request(
    ticket_id: UUID, expected_version: int = 1, message_id: UUID | None = None, digest: bytes = b""
) -> Delivery[UpdateTicketStatus]:
    message = UpdateTicketStatus(
        ticket_id=ticket_id, expected_version=expected_version, status="IN_PROGRESS", changed_by=ADA
    )
    return Delivery(message_id or new_message_id(), message, ACTOR, attempt=1, time=datetime.now(UTC), digest=digest)


@dataclass
class Tickets:
    """Tickets that are moved by way of ``Updates``, and what there is of one."""

    pool: Pool

    async def new(self) -> Ticket:
        now = datetime.now(UTC)
        ticket = Ticket(
            id=new_message_id(), version=1, title="t", body="b", source="test", created_at=now, updated_at=now
        )
        async with self.pool.transaction() as connection:
            await TicketRepository().save(connection, [ticket])
        return ticket

    async def move(self, delivery: Delivery[UpdateTicketStatus]) -> str:
        """WRITTEN, or what was settled."""
        updates, asked = Updates(TicketRepository(), source="aiops/triage"), delivery.message
        async with self.pool.transaction() as connection:
            before = await updates.begin(connection, delivery, asked.ticket_id, asked.expected_version)
            if isinstance(before, Settled):
                assert before.entity is None or before.entity.id == asked.ticket_id
                return before.outcome
            after = before.move(TicketStatus.IN_PROGRESS, datetime.now(UTC))
            event = TicketStatusChanged(ticket=TicketSnapshot.model_validate(after))
            await updates.write(connection, delivery, before, after, kind="ticket.status_changed", event=event)
        return "WRITTEN"

    async def stored(self, ticket_id: UUID) -> tuple[int, list[tuple[int, str]], int]:
        """Its version, its changes with who made them, and how many events tell of it."""
        async with self.pool.connection() as connection:
            version = await connection.fetchval("SELECT version FROM tickets WHERE id = $1", ticket_id)
            changes = await connection.fetch(
                "SELECT version, changed_by FROM ticket_changes WHERE ticket_id = $1 ORDER BY version", ticket_id
            )
            events = await connection.fetchval(
                "SELECT count(*) FROM outbox WHERE convert_from(body, 'UTF8')::jsonb ->> 'subject' = $1", str(ticket_id)
            )
        return version, [tuple(row) for row in changes], events


@pytest.fixture
def tickets(pools: dict[str, Pool]) -> Tickets:
    return Tickets(pools["triage"])


async def test_an_update_is_stored_recorded_and_told_together(tickets: Tickets) -> None:
    ticket = await tickets.new()
    assert await tickets.move(request(ticket.id)) == "WRITTEN"
    assert await tickets.stored(ticket.id) == (2, [(2, ACTOR)], 1)


async def test_what_is_not_there_is_not_found(tickets: Tickets) -> None:
    assert await tickets.move(request(uuid4())) == "NOT_FOUND"


async def test_who_saw_another_version_changes_nothing(tickets: Tickets) -> None:
    ticket = await tickets.new()
    assert await tickets.move(request(ticket.id, expected_version=7)) == "VERSION_CONFLICT"
    assert await tickets.stored(ticket.id) == (1, [], 0)


async def test_one_request_many_times_at_once_has_one_effect(tickets: Tickets) -> None:
    ticket, message_id = await tickets.new(), new_message_id()
    outcomes = await asyncio.gather(*(tickets.move(request(ticket.id, message_id=message_id)) for _ in range(10)))
    assert sorted(outcomes) == ["UPDATED"] * 9 + ["WRITTEN"]
    assert await tickets.stored(ticket.id) == (2, [(2, ACTOR)], 1)


async def test_of_many_requests_about_one_version_one_wins(tickets: Tickets) -> None:
    ticket = await tickets.new()
    outcomes = await asyncio.gather(*(tickets.move(request(ticket.id)) for _ in range(10)))
    assert sorted(outcomes) == ["VERSION_CONFLICT"] * 9 + ["WRITTEN"]
    assert await tickets.stored(ticket.id) == (2, [(2, ACTOR)], 1)


async def test_another_request_of_the_same_id_is_told_so(tickets: Tickets) -> None:
    ticket, message_id = await tickets.new(), new_message_id()
    assert await tickets.move(request(ticket.id, 1, message_id, b"one")) == "WRITTEN"
    with pytest.raises(Poison, match="another content"):
        await tickets.move(request(ticket.id, 2, message_id, b"another"))
    assert await tickets.stored(ticket.id) == (2, [(2, ACTOR)], 1)


async def test_what_cannot_be_told_is_not_stored_either(tickets: Tickets) -> None:
    ticket = await tickets.new()
    delivery = request(ticket.id)
    async with tickets.pool.connection() as connection:
        await connection.execute("ALTER TABLE outbox ADD CONSTRAINT shut CHECK (id IS NULL) NOT VALID")
    try:
        with pytest.raises(Exception, match="shut"):
            await tickets.move(delivery)
    finally:
        async with tickets.pool.connection() as connection:
            await connection.execute("ALTER TABLE outbox DROP CONSTRAINT shut")
    assert await tickets.stored(ticket.id) == (1, [], 0)
    assert await tickets.move(delivery) == "WRITTEN"
