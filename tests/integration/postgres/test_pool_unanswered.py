"""A pool whose server does not answer any more: who is told to end ends, soon, and by what told him to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from yarl import URL

from aiops_common.postgres import DatabaseUnavailable, Pool
from aiops_common.testing.tcp_proxy import Faults, TcpProxy

Work = Callable[[Pool, asyncio.Event], Awaitable[None]]

SECONDS = 15.0
"""Far more than it takes, and far less than the deadline of a statement."""


@pytest.fixture
async def proxy(service_database_urls: dict[str, str]) -> AsyncIterator[TcpProxy]:
    url = URL(service_database_urls["gateway"])
    async with TcpProxy(url.host or "", url.port or 0) as running:
        yield running


@pytest.fixture
async def pool(service_database_urls: dict[str, str], proxy: TcpProxy) -> AsyncIterator[Pool]:
    url = URL(service_database_urls["gateway"]).with_host("127.0.0.1").with_port(proxy.port)
    pool = Pool(str(url), max_size=2, name="test-unanswered")
    await pool.start()
    yield pool
    proxy.faults = Faults()
    await pool.stop()


async def asks(pool: Pool, begun: asyncio.Event) -> None:
    async with pool.connection() as connection:
        begun.set()
        await connection.execute("SELECT pg_sleep(60)")


async def asks_in_a_transaction(pool: Pool, begun: asyncio.Event) -> None:
    async with pool.transaction() as connection:
        begun.set()
        await connection.execute("SELECT pg_sleep(60)")


async def thinks_in_a_transaction(pool: Pool, begun: asyncio.Event) -> None:
    async with pool.transaction() as connection:
        await connection.execute("SELECT 1")
        begun.set()
        await asyncio.Event().wait()


@pytest.mark.parametrize("work", [asks, asks_in_a_transaction, thinks_in_a_transaction])
async def test_who_is_cancelled_ends_soon_and_as_cancelled(work: Work, pool: Pool, proxy: TcpProxy) -> None:
    begun, went_on = asyncio.Event(), asyncio.Event()

    async def goes_on_without_a_database() -> None:
        try:
            await work(pool, begun)
        except DatabaseUnavailable:
            went_on.set()  # as the loops do that run for as long as the process does

    task = asyncio.create_task(goes_on_without_a_database())
    await begun.wait()
    await asyncio.sleep(0)  # the statement is on its way
    proxy.faults = Faults(black_hole=True)
    task.cancel()
    await asyncio.wait([task], timeout=SECONDS)
    assert task.cancelled()
    assert not went_on.is_set()
    proxy.faults = Faults()
    await pool.ping()


async def test_who_fails_amid_a_transaction_fails_by_what_was_wrong(pool: Pool, proxy: TcpProxy) -> None:
    async def fails() -> None:
        async with pool.transaction() as connection:
            await connection.execute("SELECT 1")
            proxy.faults = Faults(black_hole=True)
            raise ValueError("its own")

    async with asyncio.timeout(SECONDS):
        with pytest.raises(ValueError, match="its own"):
            await fails()
    proxy.faults = Faults()
    await pool.ping()
