"""Watching: the present state first and then every change, also across a lost connection."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from aiops_common.postgres import Listener, Pool
from aiops_contracts.triage import TicketSnapshot
from aiops_gateway.auth import TokenVerifier
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.repository import read_model
from aiops_gateway.repository.read_model import CHANGES_CHANNEL, TICKETS
from aiops_gateway.service.changes import MAX_WAITING, Changes, ChangesMissed, SlowReader
from aiops_gateway.service.reading import NotThere, Reader, Seen
from aiops_gateway.service.viewers import Viewers
from integration.gateway.conftest import listening, ticket
from support.eventually import eventually

SECONDS = 10.0
VIEWER = Viewer(uuid4(), Role.VIEWER)


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


async def following(answers: AsyncIterator[Seen[TicketSnapshot] | None]) -> TicketSnapshot:
    return (await seen(answers)).snapshot


async def seen(answers: AsyncIterator[Seen[TicketSnapshot] | None]) -> Seen[TicketSnapshot]:
    async with asyncio.timeout(SECONDS):
        return await anext(answer async for answer in answers if answer is not None)


async def cut(pool: Pool, *meanwhile: TicketSnapshot) -> None:
    """End the connection that listens, and change tickets in the same moment, before anybody can listen again."""
    async with pool.connection() as connection:
        ended = await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = current_user AND (query LIKE 'LISTEN%' OR query = 'SELECT 1') AND pid <> pg_backend_pid()"
        )
        assert ended
        await read_model.project(connection, TICKETS, meanwhile)


async def test_the_present_state_comes_first_and_then_each_change(pool: Pool, reader: Reader) -> None:
    first, second = ticket("first", version=1), ticket("another", version=1)
    await project(pool, first)
    answers = reader.watch(TICKETS, first.id, VIEWER)
    assert await following(answers) == first
    await project(pool, second)
    changed = ticket("changed", identity=first.id, version=2)
    await project(pool, changed)
    assert await following(answers) == changed


async def test_nobody_waits_for_something_that_is_not_there(reader: Reader) -> None:
    with pytest.raises(NotThere):
        await following(reader.watch(TICKETS, uuid4(), VIEWER))


async def test_all_of_a_kind_are_told_to_who_watches_all(pool: Pool, changes: Changes) -> None:
    everything = [changes.subscribe(kind, None, VIEWER.user_id) for kind in ("ticket", "logEntry")]
    with everything[0] as subscriber, everything[1] as other:
        made = [ticket(version=1) for _ in range(5)]
        await project(pool, *made)
        told: set[UUID] = set()
        async with asyncio.timeout(SECONDS):
            async for identity in subscriber.changes():
                told.add(identity or uuid4())
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
    answers = reader.watch(TICKETS, watched.id, VIEWER)
    assert await following(answers) == watched
    changed = ticket("meanwhile", identity=watched.id, version=2)
    await cut(pool, changed)
    assert await following(answers) == changed
    after = ticket("after", identity=watched.id, version=3)
    await eventually(lambda: connected(listener))
    await project(pool, after)
    assert await following(answers) == after


async def test_who_watches_everything_is_told_that_changes_may_have_been_missed(pool: Pool, reader: Reader) -> None:
    answers = reader.watch(TICKETS, None, VIEWER)
    waiting = asyncio.create_task(following(answers))
    await asyncio.sleep(0)  # the subscription begins with the first step
    await cut(pool, ticket("meanwhile", version=1))
    with pytest.raises(ChangesMissed, match="subscribe again"):
        await waiting


async def connected(listener: Listener) -> bool:
    return listener.connected


async def test_many_changes_of_one_entity_wait_as_one(changes: Changes) -> None:
    identity = uuid4()
    with changes.subscribe("ticket", identity, VIEWER.user_id) as subscriber:
        for _ in range(5000):
            subscriber.offer({identity: None})
        answers = subscriber.changes()
        assert await anext(answers) == identity
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await anext(answers)


async def test_who_reads_too_slowly_is_told_so(changes: Changes) -> None:
    with changes.subscribe("ticket", None, VIEWER.user_id) as subscriber:
        subscriber.offer(dict.fromkeys(uuid4() for _ in range(MAX_WAITING)))
        assert await anext(subscriber.changes())
        for _ in range(2):
            subscriber.offer({uuid4(): None})
        with pytest.raises(SlowReader):
            await anext(subscriber.changes())


async def test_a_changed_account_has_its_subscribers_looked_at_and_no_others(pool: Pool, changes: Changes) -> None:
    mine, other = (changes.subscribe("ticket", None, viewer_id) for viewer_id in (VIEWER.user_id, uuid4()))
    with mine as subscriber, other as bystander:
        for kind in ("user", "apiKey"):
            await notify(pool, f"{kind}:{VIEWER.user_id}")
            async with asyncio.timeout(SECONDS):
                assert await anext(subscriber.changes()) is None
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await anext(bystander.changes())


async def test_who_is_idle_is_looked_at_from_time_to_time(pool: Pool, listener: Listener) -> None:
    changes = Changes(listener, Viewers(pool, TokenVerifier(issuer="i", audience="a")), look_again_seconds=0.05)
    with changes.subscribe("ticket", None, VIEWER.user_id) as subscriber:
        answers = subscriber.changes()
        async with asyncio.timeout(SECONDS):
            assert [await anext(answers), await anext(answers)] == [None, None]


async def test_nothing_is_kept_of_who_has_gone(changes: Changes) -> None:
    with changes.subscribe("ticket", uuid4(), VIEWER.user_id):
        assert changes._subscribers
    assert not changes._subscribers


async def notify(pool: Pool, payload: str) -> None:
    async with pool.connection() as connection:
        await connection.execute("SELECT pg_notify($1, $2)", CHANGES_CHANNEL, payload)


async def test_a_notification_of_nothing_we_know_does_no_harm(pool: Pool, reader: Reader) -> None:
    watched = ticket(version=1)
    await project(pool, watched)
    answers = reader.watch(TICKETS, watched.id, VIEWER)
    assert await following(answers) == watched
    for payload in ("unknown:x", f"ticket:{uuid4()}", f"user:{uuid4()}", "signingKey:x"):
        await notify(pool, payload)
    changed = ticket(identity=watched.id, version=2)
    await project(pool, changed)
    assert await following(answers) == changed
