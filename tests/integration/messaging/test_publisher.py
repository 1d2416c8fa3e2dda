"""Publishing to a real broker: what returns without an exception has arrived."""

import asyncio

import aio_pika

from aiops_common.messaging.publisher import Publisher, Unroutable
from support.servers import Broker


async def test_of_two_that_nobody_takes_under_one_id_none_counts_as_sent(broker: Broker) -> None:
    publisher = Publisher(broker.url_for("gateway"), name="test-same-id")

    async def send() -> bool:
        try:
            await publisher.send(
                aio_pika.Message(b"x", message_id="the same"), exchange="aiops.commands", routing_key="nobody.v1"
            )
        except Unroutable:
            return False
        return True

    try:
        assert await asyncio.gather(*(send() for _ in range(20))) == [False] * 20
    finally:
        await publisher.stop()
