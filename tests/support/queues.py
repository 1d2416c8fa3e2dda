"""Looking into queues, as an operator would."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage


@asynccontextmanager
async def channel(amqp_url: str) -> AsyncIterator[AbstractChannel]:
    """A channel with confirms; an unroutable mandatory message raises."""
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        yield await connection.channel(publisher_confirms=True, on_return_raises=True)


async def take(amqp_url: str, queue: str) -> AbstractIncomingMessage | None:
    """Remove and return the first message of ``queue``, None where it is empty."""
    async with channel(amqp_url) as opened:
        found = await (await opened.get_queue(queue, ensure=False)).get(fail=False)
        if found is not None:
            await found.ack()
        return found


async def purge(amqp_url: str, *queues: str) -> None:
    """Empty queues."""
    async with channel(amqp_url) as opened:
        for queue in queues:
            await (await opened.get_queue(queue, ensure=False)).purge()
