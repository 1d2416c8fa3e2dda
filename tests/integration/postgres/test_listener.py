"""A listener says whether it hears: also where a network swallows its connection without breaking it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from yarl import URL

from aiops_common.postgres import RECONNECTED, Listener
from aiops_common.testing.tcp_proxy import Faults, TcpProxy
from support.eventually import eventually


@pytest.fixture
async def proxy(service_database_urls: dict[str, str]) -> AsyncIterator[TcpProxy]:
    url = URL(service_database_urls["gateway"])
    async with TcpProxy(url.host or "", url.port or 0) as running:
        yield running


@pytest.fixture
async def heard() -> list[str]:
    return []


@pytest.fixture
async def listener(service_database_urls: dict[str, str], proxy: TcpProxy, heard: list[str]) -> AsyncIterator[Listener]:
    url = URL(service_database_urls["gateway"]).with_host("127.0.0.1").with_port(proxy.port)
    listener = Listener(str(url), probe_seconds=0.2, max_wait_seconds=0.2)
    listener.subscribe("anything", heard.append)
    await listener.start()
    yield listener
    await listener.stop()


async def test_a_swallowed_connection_is_not_taken_for_one_that_hears(
    listener: Listener, proxy: TcpProxy, heard: list[str]
) -> None:
    await eventually(lambda: _is(listener, True))
    proxy.faults = Faults(black_hole=True)
    # Three probes; far sooner than the deadline of a statement or of TCP.
    await eventually(lambda: _is(listener, False), seconds=3)
    proxy.faults = Faults()
    await eventually(lambda: _is(listener, True))
    assert heard == [RECONNECTED, RECONNECTED]


async def _is(listener: Listener, connected: bool) -> bool:
    await asyncio.sleep(0)
    return listener.connected is connected
