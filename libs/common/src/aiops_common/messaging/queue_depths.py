"""How many messages wait in the queues of a service, as the broker tells whoever asks."""

import math
from collections.abc import Iterable

import aiormq
from aio_pika.abc import AbstractChannel

from aiops_common.messaging.connection import BrokerConnection, unavailable_errors
from aiops_common.messaging.metrics import QUEUE_MESSAGES
from aiops_common.sampling import EVERY_SECONDS, Sampler


class QueueDepths:
    """Keeps ``aiops_queue_messages`` for the queues that it was told to watch; NaN for one that does not exist.

    Asking (a passive declaration) needs no permission. It goes over a connection of its own: RabbitMQ stops listening
    to one that publishes while memory or disk is short, which is when the answer matters most.
    """

    def __init__(self, url: str, *, name: str, every_seconds: float = EVERY_SECONDS) -> None:
        self._connection = BrokerConnection(url, name=f"{name}.watch", connect_seconds=2.0)
        self._queues: list[str] = []
        self._channel: AbstractChannel | None = None
        self._sampler = Sampler("queues", self._look, self._unknown, every_seconds=every_seconds)

    @property
    def queues(self) -> tuple[str, ...]:
        """Those that are watched."""
        return tuple(self._queues)

    def watch(self, queues: Iterable[str]) -> None:
        """Watch these queues too; before the start."""
        self._queues += [queue for queue in queues if queue not in self._queues]

    async def start(self) -> None:
        """Begin to watch in the background, as soon as the broker can be reached."""
        if self._queues:
            await self._sampler.start()

    async def stop(self) -> None:
        """Close the connection, within its deadline."""
        await self._sampler.stop()
        await self._connection.close()

    async def _look(self) -> None:
        for queue in self._queues:
            count = await self._count(queue)
            QUEUE_MESSAGES.labels(queue).set(math.nan if count is None else count)

    async def _count(self, queue: str) -> int | None:
        """Messages that wait in ``queue``, None where there is no such queue.

        Raises:
            BrokerUnavailable: no answer.
        """
        async with unavailable_errors():
            if self._channel is None or self._channel.is_closed or not self._connection.is_open:
                self._channel = await self._connection.channel(confirms=False)
            try:
                declared = await self._channel.declare_queue(queue, passive=True)
            except aiormq.exceptions.ChannelNotFoundEntity:
                # The broker closes the channel on which it was asked for what there is not.
                self._channel = None
                return None
            return declared.declaration_result.message_count or 0

    def _unknown(self) -> None:
        for queue in self._queues:
            QUEUE_MESSAGES.labels(queue).set(math.nan)
