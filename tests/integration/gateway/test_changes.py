"""Watching: the present state first and then every change, also across a lost connection."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from aiops_common.postgres import Listener, Pool
from aiops_contracts.triage import TicketSnapshot
from aiops_gateway.auth import TokenVerifier
from aiops_gateway.repository import read_model
from aiops_gateway.repository.read_model import CHANGES_CHANNEL, TICKETS
from aiops_gateway.service.changes import Changes, SlowReader
from aiops_gateway.service.reading import Reader
from aiops_gateway.service.viewers import Viewers
from integration.gateway.conftest import listening, ticket
from support.eventually import eventually

SECONDS = 10.0


@pytest.fixture
async def changes(pool: Pool, listener: Listener) -> Changes:
    changes = Changes(listener, Viewers(pool, TokenVerifier(issuer="i", audience="a")))
    await listening(listener)
    return changes


@pytest.fixture
async def reader(pool: Pool, changes: Changes) -> Reader:
    return Reader(pool, changes)


async def project(pool: Pool, *snapshots: TicketSnapshot) -> None:
    async with pool.transaction() as connection:
        await read_model.project(connection, TICKETS, snapshots)


async def following(answers: AsyncIterator[TicketSnapshot]) -> TicketSnapshot:
    async with asyncio.timeout(SECONDS):
        return await anext(answers)


async def test_the_present_state_comes_first_and_then_each_change(pool: Pool, reader: Reader) -> None:
    first, second = ticket("first", version=1), ticket("another", version=1)
    await project(pool, first)
    answers = reader.watch(TICKETS, first.id)
    assert await following(answers) == first
    await project(pool, second)
    changed = ticket("changed", identity=first.id, version=2)
    await project(pool, changed)
    assert await following(answers) == changed


async def test_something_that_is_not_there_yet_is_told_when_it_comes(pool: Pool, reader: Reader) -> None:
    awaited = ticket("awaited", version=1)
    answers = reader.watch(TICKETS, awaited.id)
    arrival = asyncio.create_task(following(answers))
    await asyncio.sleep(0)  # the subscription begins with the first step
    await project(pool, awaited)
    assert await arrival == awaited


async def test_all_of_a_kind_are_told_to_who_watches_all(pool: Pool, changes: Changes) -> None:
    with changes.subscribe("ticket", None) as subscriber, changes.subscribe("logEntry", None) as other:
        made = [ticket(version=1) for _ in range(5)]
        await project(pool, *made)
        told: set[UUID] = set()
        async with asyncio.timeout(SECONDS):
            async for identity in subscriber.changes():
                told.add(identity)
                if len(told) == len(made):
                    break
        assert told == {one.id for one in made}
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await anext(other.changes())


async def test_what_changed_while_the_connection_was_lost_is_told_afterwards(
    pool: Pool, reader: Reader, listener: Listener
) -> None:
    watched = ticket("before", version=1)
    await project(pool, watched)
    answers = reader.watch(TICKETS, watched.id)
    assert await following(answers) == watched
    async with pool.connection() as connection:
        ended = await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = current_user AND (query LIKE 'LISTEN%' OR query = 'SELECT 1') AND pid <> pg_backend_pid()"
        )
        assert ended
        # In the same moment, before anybody can listen again.
        changed = ticket("meanwhile", identity=watched.id, version=2)
        await read_model.project(connection, TICKETS, [changed])

    async def told() -> bool:
        return await following(answers) == changed

    await eventually(told)
    after = ticket("after", identity=watched.id, version=3)
    await eventually(lambda: connected(listener))
    await project(pool, after)
    assert await following(answers) == after


async def connected(listener: Listener) -> bool:
    return listener.connected


async def test_many_changes_of_one_entity_wait_as_one(changes: Changes) -> None:
    identity = uuid4()
    with changes.subscribe("ticket", identity) as subscriber:
        for _ in range(5000):
            subscriber.offer(identity)
        answers = subscriber.changes()
        assert await anext(answers) == identity
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await anext(answers)


async def test_who_reads_too_slowly_is_told_so(changes: Changes) -> None:
    with changes.subscribe("ticket", None) as subscriber:
        for _ in range(1001):
            subscriber.offer(uuid4())
        with pytest.raises(SlowReader):
            await anext(subscriber.changes())


async def test_a_notification_of_nothing_we_know_does_no_harm(pool: Pool, reader: Reader) -> None:
    watched = ticket(version=1)
    await project(pool, watched)
    answers = reader.watch(TICKETS, watched.id)
    assert await following(answers) == watched
    async with pool.connection() as connection:
        for payload in ("unknown:x", f"ticket:{uuid4()}", f"user:{uuid4()}", "signingKey:x"):
            await connection.execute("SELECT pg_notify($1, $2)", CHANGES_CHANNEL, payload)
    changed = ticket(identity=watched.id, version=2)
    await project(pool, changed)
    assert await following(answers) == changed
