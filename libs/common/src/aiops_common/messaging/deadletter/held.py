"""Holding every message of a queue unacknowledged while somebody looks at them, then giving them back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import aiormq
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

from aiops_common.messaging.connection import BrokerConnection, BrokerUnavailable, unavailable_errors
from aiops_common.messaging.deadletter.errors import QueueRefused

STEP_SECONDS = 10.0
"""Deadline of one exchange with the broker."""

IDLE_SECONDS = 1.0
"""How long to wait for the next delivery before asking whether there is one."""

RETURN_SECONDS = 2.0
"""How long to wait until the broker counts what was given back; in vain where somebody else took it at once."""

MOST_UNACKNOWLEDGED = 65_535
"""The largest prefetch count that AMQP knows; more messages take more channels."""

SAID_AT_ONCE = 30
"""Acknowledgements under way at a time. Of more than 32 the broker keeps some back while a quorum queue is slow, and
forgets them when the channel is closed (``?SOFT_LIMIT`` of rabbit_fifo_client)."""

Look = Callable[[AbstractIncomingMessage], None]


class Held:
    """Messages of one queue that nobody else gets; those that are not acknowledged go back on ``give_back``."""

    def __init__(self, connection: BrokerConnection, queue: str, look: Look) -> None:
        self._connection = connection
        self._queue = queue
        self._look = look
        self._channels: list[AbstractChannel] = []
        self._queues: list[AbstractQueue] = []
        self._seen = 0
        self._acknowledged = 0
        self._taken: dict[int, set[int]] = {}

    async def fetch(self) -> None:
        """Look at every message that is in the queue now, in order. Those that arrive later do not count, so it ends.

        By consuming and not by getting one after the other, which costs a round trip and a write to disk for each.
        """
        remaining = await length(self._connection, self._queue)
        # At least once: only consuming tells whether the user may read an empty queue.
        while await self._consume(count := min(remaining, MOST_UNACKNOWLEDGED)) and remaining > count:
            remaining -= count

    async def acknowledge(self, *messages: AbstractIncomingMessage) -> None:
        """Remove messages from the queue for good; it is certain when this returns.

        Raises:
            BrokerUnavailable: they may be in the queue still.
        """
        said = self._together(messages)
        for start in range(0, len(said), SAID_AT_ONCE):
            async with unavailable_errors(), asyncio.timeout(STEP_SECONDS):
                for message, multiple in said[start : start + SAID_AT_ONCE]:
                    await message.ack(multiple=multiple)
                await self._applied()
        self._acknowledged += len(messages)

    async def _applied(self) -> None:
        """Wait until the queues have taken what was said: asking for a message is answered after that.

        A message that comes with the answer is hidden like the others until it is given back.
        """
        for queue in self._queues:
            await queue.get(fail=False)

    def _together(self, messages: Sequence[AbstractIncomingMessage]) -> list[tuple[AbstractIncomingMessage, bool]]:
        """What to acknowledge: of everything that a channel delivered up to some message, that one alone."""
        by_channel: dict[int, dict[int, AbstractIncomingMessage]] = {}
        for message in messages:
            by_channel.setdefault(id(message.channel), {})[message.delivery_tag or 0] = message
        chosen: list[tuple[AbstractIncomingMessage, bool]] = []
        for channel, tagged in by_channel.items():
            taken = self._taken.setdefault(channel, set())
            taken.update(tagged)
            through = 0  # delivery tags count from 1
            while through + 1 in taken:
                through += 1
            covered = [tag for tag in tagged if tag <= through]
            if covered:
                chosen.append((tagged[max(covered)], True))
            chosen += [(message, False) for tag, message in tagged.items() if tag > through]
        return chosen

    async def give_back(self) -> None:
        """Return what was not acknowledged, and wait until the next look would find it again; never fails."""
        for channel in self._channels:
            await _close(channel)
        deadline = time.monotonic() + RETURN_SECONDS
        with suppress(BrokerUnavailable, QueueRefused):
            while await length(self._connection, self._queue) < self._seen - self._acknowledged:
                if time.monotonic() > deadline:
                    return
                await asyncio.sleep(0.02)

    async def _consume(self, count: int) -> bool:
        """Look at the next ``count`` messages; False where there were fewer."""
        inbox: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        channel = await self._connection.channel(confirms=False)
        self._channels.append(channel)
        async with _readable(self._connection, self._queue):
            await channel.set_qos(prefetch_count=max(count, 1))  # 0 would mean: without a limit
            queue = await channel.get_queue(self._queue, ensure=False)
            await queue.consume(inbox.put)
        self._queues.append(queue)
        for _ in range(count):
            message = await self._next(inbox, queue)
            if message is None:
                return False
            self._seen += 1
            self._look(message)
        return True

    async def _next(
        self, inbox: asyncio.Queue[AbstractIncomingMessage], queue: AbstractQueue
    ) -> AbstractIncomingMessage | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(IDLE_SECONDS):
                return await inbox.get()
        # Somebody else took a message after they were counted, or the broker is slow: it is asked, so that a slow one
        # is not mistaken for an empty queue.
        async with _readable(self._connection, self._queue):
            found = await queue.get(fail=False)
        return found or (inbox.get_nowait() if not inbox.empty() else None)


@asynccontextmanager
async def held(connection: BrokerConnection, queue: str, look: Look) -> AsyncIterator[Held]:
    """Call ``look`` for each message that is in ``queue`` now; none goes back before the block is left.

    Raises:
        QueueRefused: the queue does not exist or may not be read.
        BrokerUnavailable: no answer within the deadline, or the connection broke; the broker takes everything back.
    """
    hold = Held(connection, queue, look)
    try:
        await hold.fetch()
        yield hold
    finally:
        await hold.give_back()


async def length(connection: BrokerConnection, queue: str) -> int:
    """How many messages of ``queue`` are free to be delivered.

    Raises:
        QueueRefused: it does not exist.
        BrokerUnavailable: no answer within the deadline.
    """
    async with _asking(connection) as channel, _readable(connection, queue):
        declared = await channel.declare_queue(queue, passive=True)
        return declared.declaration_result.message_count or 0


async def exchange_exists(connection: BrokerConnection, exchange: str) -> bool:
    """Whether there is an exchange of that name; asking needs no permission.

    Raises:
        BrokerUnavailable: no answer within the deadline.
    """
    async with _asking(connection) as channel, unavailable_errors(), asyncio.timeout(STEP_SECONDS):
        try:
            await channel.get_exchange(exchange, ensure=True)
        except aiormq.exceptions.ChannelNotFoundEntity:
            return False
        return True


@asynccontextmanager
async def _asking(connection: BrokerConnection) -> AsyncIterator[AbstractChannel]:
    """A channel for one question, closed whatever the answer."""
    channel = await connection.channel(confirms=False)
    try:
        yield channel
    finally:
        await _close(channel)


async def _close(channel: AbstractChannel) -> None:
    """Close what is still open; never fails."""
    if not channel.is_closed:
        with suppress(BrokerUnavailable):
            async with unavailable_errors(), asyncio.timeout(STEP_SECONDS):
                await channel.close()


@asynccontextmanager
async def _readable(connection: BrokerConnection, queue: str) -> AsyncIterator[None]:
    async with unavailable_errors(), asyncio.timeout(STEP_SECONDS):
        try:
            yield
        except aiormq.exceptions.ChannelNotFoundEntity as error:
            raise QueueRefused(f"there is no queue {queue!r} on the broker; nothing was changed") from error
        except aiormq.exceptions.ChannelAccessRefused as error:
            raise QueueRefused(
                f"the user {connection.user} may not read the queue {queue!r}; nothing was changed"
            ) from error
