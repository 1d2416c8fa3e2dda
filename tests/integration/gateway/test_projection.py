"""Events become rows: in whatever order and however often they come, the newest version stays."""

import asyncio
import itertools
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from aiops_common.messaging.message import Delivery
from aiops_common.postgres import Pool
from aiops_contracts.auth import Role, UserChanged, UserSnapshot
from aiops_contracts.base import Event, JobState
from aiops_contracts.summarizer import LogSummarized
from aiops_contracts.triage import TicketSnapshot, TicketStatusChanged, TicketTriaged
from aiops_gateway.projections import Projector
from aiops_gateway.repository import accounts, read_model
from aiops_gateway.repository.read_model import LOG_ENTRIES, TICKETS
from integration.gateway.conftest import log, minute, ticket

VERSIONS = (1, 2, 3)


def delivery(event: Event) -> Delivery[Event]:
    return Delivery(id=uuid4(), message=event, principal="service:triage", attempt=1, time=datetime.now(UTC))


def versions(title: str = "v{}") -> list[TicketSnapshot]:
    identity = uuid4()
    return [ticket(title.format(version), identity=identity, version=version) for version in VERSIONS]


async def stored(pool: Pool, snapshot: TicketSnapshot) -> TicketSnapshot | None:
    async with pool.connection() as connection:
        return await read_model.get(connection, TICKETS, snapshot.id)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("together", [True, False])
async def test_the_newest_version_stays_whatever_the_order(pool: Pool, order: tuple[int, ...], together: bool) -> None:
    known = versions()
    events = [TicketStatusChanged(ticket=known[index]) for index in order]
    projector = Projector(pool)
    if together:
        await asyncio.gather(*(projector.apply(delivery(event)) for event in events))
    else:
        for event in events:
            await projector.apply(delivery(event))
    assert await stored(pool, known[0]) == known[-1]


async def test_an_event_that_comes_again_changes_and_tells_nothing(pool: Pool) -> None:
    (first, *_) = versions()
    projector = Projector(pool)
    await projector.apply(delivery(TicketTriaged(ticket=first)))
    async with pool.connection() as connection:
        before = await connection.fetchval("SELECT xmin::text FROM tickets")
    changed = first.model_copy(update={"title": "same version, other title"})
    await projector.apply(delivery(TicketTriaged(ticket=changed)))
    assert await stored(pool, first) == first
    async with pool.connection() as connection:
        assert await connection.fetchval("SELECT xmin::text FROM tickets") == before


async def test_a_result_replaces_the_pending_row_and_its_text(pool: Pool) -> None:
    pending = log("raw text")
    async with pool.transaction() as connection:
        await read_model.project(connection, LOG_ENTRIES, [pending])
    done = pending.model_copy(update={"version": 1, "state": JobState.SUCCEEDED, "content": "redacted text"})
    await Projector(pool).apply(delivery(LogSummarized(log=done)))
    async with pool.connection() as connection:
        assert await read_model.get(connection, LOG_ENTRIES, pending.id) == done


async def test_an_event_without_a_pending_row_makes_the_row(pool: Pool) -> None:
    of_a_partner = ticket("from outside", version=1, state=JobState.SUCCEEDED)
    await Projector(pool).apply(delivery(TicketTriaged(ticket=of_a_partner)))
    assert await stored(pool, of_a_partner) == of_a_partner


async def test_many_events_of_all_kinds_at_once(pool: Pool) -> None:
    user = UserSnapshot(
        id=uuid4(), version=1, email="a@example.com", display_name="A", role=Role.HR, created_at=minute(0),
        updated_at=minute(0),
    )  # fmt: skip
    older = user.model_copy(update={"version": 2, "role": Role.OPS})
    newest = user.model_copy(update={"version": 3, "role": Role.VIEWER})
    tickets = [snapshot for _ in range(40) for snapshot in versions()]
    events: list[Event] = [TicketStatusChanged(ticket=one) for one in reversed(tickets)]
    events += [UserChanged(user=one) for one in (newest, user, older)]
    projectors = [Projector(pool) for _ in range(3)]
    await asyncio.gather(*(projectors[number % 3].apply(delivery(event)) for number, event in enumerate(events * 2)))
    async with pool.connection() as connection:
        assert await connection.fetch("SELECT version, count(*) AS rows FROM tickets GROUP BY version") == [(3, 40)]
        assert await accounts.get_user(connection, user.id) == newest
