"""Everything that crosses a broker, as RabbitMQ's own tracer sees it: https://www.rabbitmq.com/docs/firehose"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aio_pika
import httpx
from aio_pika.abc import AbstractIncomingMessage

from support.servers import Broker


@dataclass(slots=True)
class Firehose:
    """``seen`` are routing key (``publish.<exchange>`` or ``deliver.<queue>``), headers and body of each message."""

    seen: list[tuple[str, str, bytes]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def bodies(self, trace_key: str) -> list[bytes]:
        """What was published to an exchange or delivered from a queue."""
        return [body for key, _, body in self.seen if key == trace_key]

    async def take(self, message: AbstractIncomingMessage) -> None:
        self.seen.append((message.routing_key or "", repr(message.headers), message.body))
        self.news.set()


@asynccontextmanager
async def firehose(broker: Broker) -> AsyncIterator[Firehose]:
    """Watch the broker; it is slower meanwhile."""
    hose = Firehose()
    connection = await aio_pika.connect(broker.amqp_url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind("amq.rabbitmq.trace", "#")
        await queue.consume(hose.take, no_ack=True)
        await _trace(broker, on=True)
        try:
            yield hose
        finally:
            await _trace(broker, on=False)


async def _trace(broker: Broker, *, on: bool) -> None:
    url = httpx.URL(broker.management_url)
    auth = (url.username, url.password)
    base = url.copy_with(username=None, password=None, path="/api")
    async with httpx.AsyncClient(base_url=base, auth=auth, timeout=30, trust_env=False) as http:
        (await http.put("/vhosts/%2F", json={"tracing": on})).raise_for_status()
