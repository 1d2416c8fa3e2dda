"""Leases against PostgreSQL: one delivery of a message works, the others wait or find it done."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from aiops_common.deferral import Deferred
from aiops_common.messaging import inbox
from aiops_common.messaging.leases import Leases
from aiops_common.messaging.message import Delivery, Poison, new_message_id
from aiops_common.postgres import Pool
from aiops_contracts.triage import TriageTicket


@pytest.fixture
async def pool(pools: dict[str, Pool]) -> AsyncIterator[Pool]:
    # Before too: other tests leave leases of what they break off.
    await _no_leases(pools["triage"])
    yield pools["triage"]
    await _no_leases(pools["triage"])


async def _no_leases(pool: Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute("DELETE FROM leases")


def delivery(message_id: UUID, digest: bytes = b"one") -> Delivery[TriageTicket]:
    ticket = TriageTicket(title="t", body="b")
    return Delivery(id=message_id, message=ticket, principal="user:1", attempt=1, time=datetime.now(UTC), digest=digest)


async def held(pool: Pool) -> int:
    async with pool.connection() as connection:
        count: int = await connection.fetchval("SELECT count(*) FROM leases")
    return count


async def test_of_a_hundred_deliveries_at_once_one_works(pool: Pool) -> None:
    message_id = new_message_id()
    leases = Leases(pool, seconds=60)
    go_on = asyncio.Event()
    deferred: list[float | None] = []

    async def deliver() -> int:
        try:
            async with leases.hold(delivery(message_id)) as is_new:
                await go_on.wait()
                return int(is_new)
        except Deferred as error:
            deferred.append(error.retry_after)
            if len(deferred) == 99:
                go_on.set()
            return 0

    async with asyncio.timeout(30):
        worked = await asyncio.gather(*(deliver() for _ in range(100)))
    assert sum(worked) == 1
    assert deferred == [5.0] * 99
    assert await held(pool) == 0


async def test_a_message_that_had_its_effect_is_not_worked_on_again(pool: Pool) -> None:
    message_id = new_message_id()
    leases = Leases(pool, seconds=60)
    async with pool.connection() as connection:
        assert await inbox.claim(connection, message_id, TriageTicket.message_type, b"one")
    async with leases.hold(delivery(message_id)) as is_new:
        assert not is_new
    with pytest.raises(Poison) as refused:
        async with leases.hold(delivery(message_id, b"another")):
            pytest.fail("another message of the same id must not be worked on")
    assert refused.value.reason == "id_reused"
    assert await held(pool) == 0


async def test_what_a_killed_process_left_ends_by_itself(pool: Pool) -> None:
    message_id = new_message_id()
    killed = Leases(pool, seconds=0.2).hold(delivery(message_id))
    await killed.__aenter__()
    leases = Leases(pool, seconds=60)
    with pytest.raises(Deferred):
        async with leases.hold(delivery(message_id)):
            pytest.fail("the lease is held")
    async with asyncio.timeout(10):
        while True:
            try:
                async with leases.hold(delivery(message_id)) as is_new:
                    assert is_new
                    # Whoever comes back after its lease ended must not end the lease of its successor.
                    await killed.__aexit__(None, None, None)
                    assert await held(pool) == 1
                break
            except Deferred:
                await asyncio.sleep(0.05)
    assert await held(pool) == 0


async def test_a_cancelled_delivery_gives_its_lease_back(pool: Pool) -> None:
    leases = Leases(pool, seconds=60)
    message_id = new_message_id()
    working = asyncio.Event()

    async def work() -> None:
        async with leases.hold(delivery(message_id)):
            working.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await working.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await held(pool) == 0


async def test_work_that_costs_nothing_needs_no_lease(pool: Pool) -> None:
    leases = Leases(pool, seconds=None)
    message_id = new_message_id()
    async with leases.hold(delivery(message_id)) as one, leases.hold(delivery(message_id)) as other:
        assert (one, other) == (True, True)
        assert await held(pool) == 0
