"""How many messages wait in queues: as the broker says, also after it was away, and never in anybody's way."""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aio_pika
import pytest

from aiops_common import sampling
from aiops_common.messaging.queue_depths import QueueDepths
from aiops_common.messaging.topology import load
from aiops_local.rabbitmq import RabbitmqServer
from support.eventually import eventually
from support.metrics import value
from support.queues import channel, purge
from support.servers import ROOT, SERVICES, Broker, private_port_mapper, state_directory

TOPOLOGY = load(ROOT / "deploy/rabbitmq/topology.yaml")
UNREACHABLE = "amqp://guest:guest@127.0.0.1:1"


@asynccontextmanager
async def watching(url: str, *queues: str) -> AsyncIterator[QueueDepths]:
    depths = QueueDepths(url, name="test-depths", every_seconds=0.1)
    depths.watch(queues)
    await depths.start()
    try:
        yield depths
    finally:
        await depths.stop()


async def shows(queue: str, wanted: float, seconds: float = 20.0) -> None:
    async def shown() -> bool:
        now = value("aiops_queue_messages", queue=queue)
        return now is not None and (math.isnan(now) if math.isnan(wanted) else now == wanted)

    await eventually(shown, seconds=seconds)


async def fill(url: str, queue: str, count: int) -> None:
    async with channel(url) as opened:
        for _ in range(count):
            await opened.default_exchange.publish(aio_pika.Message(b"{}"), queue)


@pytest.mark.parametrize("service", SERVICES)
async def test_every_service_may_ask_about_its_own_queues(broker: Broker, service: str) -> None:
    own = [queue.name for queue in TOPOLOGY.queues if queue.name.startswith(f"{service}.")]
    assert own
    async with watching(broker.url_for(service), *own):
        for queue in own:

            async def told(queue: str = queue) -> bool:
                return (value("aiops_queue_messages", queue=queue) or 0.0) >= 0.0

            await eventually(told)


async def test_the_gauge_follows_the_queue_and_a_missing_one_takes_nobody_along(broker: Broker) -> None:
    await purge(broker.amqp_url, "changelog.dead", "changelog.work")
    try:
        queues = ("no.such.queue", "changelog.dead", "nor.this", "changelog.work")
        async with watching(broker.url_for("changelog"), *queues):
            await shows("changelog.work", 0)
            await fill(broker.amqp_url, "changelog.dead", 3)
            await shows("changelog.dead", 3)
            await shows("no.such.queue", math.nan)
            await shows("changelog.work", 0)
            await purge(broker.amqp_url, "changelog.dead")
            await shows("changelog.dead", 0)
        await shows("changelog.dead", math.nan)
    finally:
        await purge(broker.amqp_url, "changelog.dead")


@contextmanager
def own_node() -> Iterator[RabbitmqServer]:
    private_port_mapper()
    with state_directory() as state:
        server = RabbitmqServer(Path(state))
        server.start()
        try:
            yield server
        finally:
            server.stop()


async def test_nothing_is_known_while_the_broker_is_away_and_all_is_once_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sampling, "MAX_PAUSE_SECONDS", 0.5)
    with own_node() as server:
        async with channel(server.url) as opened:
            await opened.declare_queue("lasting.work", durable=True)
            message = aio_pika.Message(b"{}", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await opened.default_exchange.publish(message, "lasting.work")
        async with watching(server.url, "lasting.work"):
            await shows("lasting.work", 1)
            await asyncio.to_thread(server.stop)
            await shows("lasting.work", math.nan)
            await asyncio.to_thread(server.start)
            await shows("lasting.work", 1, seconds=60)


async def _swallow(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)
    writer.close()


async def test_a_broker_that_says_nothing_holds_up_no_end() -> None:
    hole: Any = await asyncio.start_server(_swallow, "127.0.0.1", 0)
    port = hole.sockets[0].getsockname()[1]
    for url in (f"amqp://guest:guest@127.0.0.1:{port}", UNREACHABLE):
        async with asyncio.timeout(30), watching(url, "some.work"):
            await shows("some.work", math.nan)
    hole.close()
