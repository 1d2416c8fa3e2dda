"""A collector that is away, silent, slow or angry: it costs spans, and nothing else."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from aiops_common.postgres import Pool
from support.eventually import eventually
from support.graphql import GraphqlClient
from support.lone_gateway import MEGABYTE, LoneGateway, free_port, lone_gateway

# Each test starts a gateway, which takes its time on a busy machine.
pytestmark = pytest.mark.timeout(300)

MOST_WAITING = 50
REQUESTS = 120
AT_ONCE = 20
MOST_GROWTH = 20 * MEGABYTE
SECONDS_TO_END = 60.0
"""Far more than it takes, and far less than one attempt after the other to send what waits would."""

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def whole() -> None:
    """One gateway and its database are all that these tests need."""


async def _never_answers(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    while await reader.read(65536):
        pass


async def _answers_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(65536):
        await asyncio.sleep(0.5)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        return


async def _is_overloaded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(65536):
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        return


@asynccontextmanager
async def _collector(answer: Answer | None) -> AsyncIterator[str]:
    """Its endpoint; without ``answer`` nobody listens there."""
    if answer is None:
        yield f"http://127.0.0.1:{free_port()}"
        return

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@asynccontextmanager
async def _traced_gateway(pool: Pool, database_url: str, endpoint: str) -> AsyncIterator[LoneGateway]:
    tracing = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_TRACES_SAMPLER": "always_on",
        "OTEL_BSP_MAX_QUEUE_SIZE": str(MOST_WAITING),
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "10",
    }
    async with lone_gateway(pool, database_url, tracing=tracing) as gateway:
        yield gateway


async def _ask(client: GraphqlClient, times: int) -> None:
    """Every answer is what it would be without tracing."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def once() -> None:
        async with gate:
            assert (await client.execute("{ me { id } }"))["me"]["id"]

    await asyncio.gather(*(once() for _ in range(times)))


async def _lost(gateway: LoneGateway) -> int:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        text = (await http.get(gateway.url.replace("/graphql", "/metrics"))).text
    names = [f'aiops_spans_exported_total{{exporter="otlp",outcome="{outcome}"}}' for outcome in ("dropped", "failed")]
    return sum(int(float(line.split()[-1])) for line in text.splitlines() if line.startswith(tuple(names)))


async def _ends(gateway: LoneGateway) -> None:
    gateway.process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(gateway.process.wait, SECONDS_TO_END)


@pytest.mark.parametrize("answer", [None, _never_answers, _is_overloaded], ids=["away", "silent", "overloaded"])
async def test_a_collector_that_takes_nothing_costs_spans_and_nothing_else(
    pools: dict[str, Pool], service_database_urls: dict[str, str], answer: Answer | None
) -> None:
    async with (
        _collector(answer) as endpoint,
        _traced_gateway(pools["gateway"], service_database_urls["gateway"], endpoint) as gateway,
    ):
        client = gateway.client(await gateway.sign_up())
        await _ask(client, AT_ONCE)
        before = gateway.resident
        await _ask(client, REQUESTS)
        assert await eventually(lambda: _lost(gateway)) > 0
        assert gateway.resident - before < MOST_GROWTH
        await eventually(lambda: _says_once(gateway, "spans.lost"))
        await _ends(gateway)


async def test_a_slow_collector_slows_nobody(pools: dict[str, Pool], service_database_urls: dict[str, str]) -> None:
    async with (
        _collector(_answers_late) as endpoint,
        _traced_gateway(pools["gateway"], service_database_urls["gateway"], endpoint) as gateway,
    ):
        await _ask(gateway.client(await gateway.sign_up()), REQUESTS)
        await _ends(gateway)
        assert "spans.lost" not in gateway.log.read_text()


async def _says_once(gateway: LoneGateway, event: str) -> bool:
    told = gateway.log.read_text().count(f'"{event}"')
    assert told <= 1
    return told == 1
