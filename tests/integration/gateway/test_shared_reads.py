"""Shared reads: one statement for many who ask at the same time, and nobody gets anything older than they had."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from aiops_common.postgres import Connection, DatabaseUnavailable, Pool
from aiops_gateway.repository import read_model
from aiops_gateway.repository.read_model import LOG_ENTRIES, TICKETS, Stored
from aiops_gateway.service.shared_reads import SharedReads
from integration.gateway.conftest import log, ticket


class CountingPool(Pool):
    """Lends the connections of another pool, and counts them; ``broken`` it lends none."""

    def __init__(self, pool: Pool) -> None:
        super().__init__("postgresql://unused")
        self._inner = pool
        self.lent = 0
        self.most = 0
        self.broken = False
        self._out = 0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        if self.broken:
            raise DatabaseUnavailable("PostgreSQL is unavailable: broken")
        self.lent += 1
        self._out += 1
        self.most = max(self.most, self._out)
        try:
            async with self._inner.connection() as connection:
                yield connection
        finally:
            self._out -= 1


@pytest.fixture
def counting(pool: Pool) -> CountingPool:
    return CountingPool(pool)


async def test_two_thousand_who_ask_at_once_share_one_read(pool: Pool, counting: CountingPool) -> None:
    made = ticket(version=3)
    async with pool.transaction() as connection:
        await read_model.project(connection, TICKETS, [made])
    shared = SharedReads(counting)
    answers = await asyncio.gather(*(shared.get(TICKETS, made.id) for _ in range(2000)))
    assert answers == [Stored(made, None)] * 2000
    assert counting.lent == 1


async def test_different_entities_are_read_together_one_statement_after_the_other(
    pool: Pool, counting: CountingPool
) -> None:
    tickets, logs = [ticket(version=1) for _ in range(120)], [log() for _ in range(3)]
    async with pool.transaction() as connection:
        await read_model.project(connection, TICKETS, tickets)
        await read_model.project(connection, LOG_ENTRIES, logs)
    shared = SharedReads(counting)
    absent = uuid4()
    found = await asyncio.gather(
        *(shared.get(TICKETS, one.id) for one in tickets),
        *(shared.get(LOG_ENTRIES, one.id) for one in logs),
        shared.get(TICKETS, absent),
    )
    assert found == [*(Stored(one, None) for one in (*tickets, *logs)), None]
    assert (counting.lent, counting.most) == (4, 1)


async def test_who_asks_while_a_read_is_under_way_gets_what_is_the_case_now(pool: Pool) -> None:
    shared = SharedReads(pool)
    identity = uuid4()
    for version in range(1, 30):
        async with pool.transaction() as connection:
            await read_model.project(connection, TICKETS, [ticket(version=version, identity=identity)])
        earlier = asyncio.create_task(shared.get(TICKETS, identity))
        await asyncio.sleep(0)
        answer = await shared.get(TICKETS, identity)
        assert answer is not None
        assert answer.snapshot.version == version
        await earlier


async def test_who_goes_away_takes_nothing_from_the_others(pool: Pool) -> None:
    made = ticket(version=1)
    async with pool.transaction() as connection:
        await read_model.project(connection, TICKETS, [made])
    shared = SharedReads(pool)
    impatient, patient = (asyncio.create_task(shared.get(TICKETS, made.id)) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == Stored(made, None)


async def test_a_read_that_fails_fails_for_all_and_the_next_one_is_made(pool: Pool, counting: CountingPool) -> None:
    made = ticket(version=1)
    async with pool.transaction() as connection:
        await read_model.project(connection, TICKETS, [made])
    shared = SharedReads(counting)
    counting.broken = True
    failed = await asyncio.gather(*(shared.get(TICKETS, made.id) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in failed] == [DatabaseUnavailable] * 3
    counting.broken = False
    assert await shared.get(TICKETS, made.id) == Stored(made, None)
