"""A queue that vanishes under its consumer: noticed, and consumed again once it is back."""

from urllib.parse import quote

import aio_pika
import httpx
from aio_pika.abc import AbstractIncomingMessage
from yarl import URL

from aiops_common.messaging.worker import Worker
from support.eventually import eventually
from support.queues import channel
from support.servers import Broker

QUEUE = "vanishing.work"


def management(broker: Broker) -> httpx.AsyncClient:
    url = URL(broker.management_url)
    return httpx.AsyncClient(
        base_url=f"http://{url.host}:{url.port}/api", auth=(url.user or "", url.password or ""), trust_env=False
    )


async def declare(broker: Broker) -> None:
    async with channel(broker.amqp_url) as opened:
        await opened.declare_queue(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})


async def test_a_deleted_queue_is_noticed_and_consumed_again(broker: Broker) -> None:
    await declare(broker)
    worker = Worker(broker.amqp_url, name="test-vanishing", graceful_seconds=1)
    seen: list[bytes] = []

    async def process(message: AbstractIncomingMessage) -> None:
        seen.append(message.body)
        await message.ack()

    async def consuming() -> bool:
        return worker.is_consuming

    async def not_consuming() -> bool:
        return worker.unconsumed == [QUEUE]

    worker.subscribe(QUEUE, process, prefetch=1)
    await worker.start()
    try:
        await eventually(consuming)
        async with management(broker) as http:
            (await http.delete(f"/queues/%2F/{quote(QUEUE)}")).raise_for_status()
            await eventually(not_consuming)
            assert not worker.is_consuming
            await declare(broker)
            await eventually(consuming)
            async with channel(broker.amqp_url) as opened:
                await opened.default_exchange.publish(aio_pika.Message(b"back"), QUEUE)
            await eventually(lambda: _has(seen, b"back"))
    finally:
        await worker.stop()
        async with management(broker) as http:
            await http.delete(f"/queues/%2F/{quote(QUEUE)}")


async def _has(seen: list[bytes], body: bytes) -> bool:
    return body in seen
