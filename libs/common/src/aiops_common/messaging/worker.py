"""The consuming side of a process: subscriptions on a connection of their own, started whenever the broker is there."""

import asyncio
from collections.abc import Awaitable, Callable

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue
from faststream.rabbit.annotations import RabbitMessage
from yarl import URL

from aiops_common.logging import get_logger
from aiops_common.tasks import stop_task

_log = get_logger(__name__)

Process = Callable[[AbstractIncomingMessage], Awaitable[None]]


class Worker:
    """Subscribes queues through FastStream; every subscription has its own channel and a bounded prefetch.

    Nothing is declared: a queue that is missing is an error (404) that names it, tried again with back-off until
    the topology has been provisioned.
    """

    def __init__(self, url: str, *, name: str, graceful_seconds: float = 15.0) -> None:
        self._url = url
        self._name = name
        self._graceful_seconds = graceful_seconds
        self._subscriptions: list[tuple[str, int, Process]] = []
        self._broker: RabbitBroker | None = None
        self._starting: asyncio.Task[None] | None = None

    def subscribe(self, queue: str, process: Process, *, prefetch: int) -> None:
        """Call ``process`` for every delivery of ``queue``; it settles the delivery itself."""
        self._subscriptions.append((queue, prefetch, process))

    @property
    def is_consuming(self) -> bool:
        """Whether all subscriptions are in place and their connection is alive."""
        broker = self._broker
        if broker is None or self._starting is None or not self._starting.done():
            return False
        connection = broker._connection  # broker.ping() would only test a flag
        return connection is not None and connection.connected.is_set()

    async def start(self) -> None:
        """Begin to consume as soon as the broker can be reached; never fails."""
        self._starting = asyncio.create_task(self._start(), name="worker-start")

    async def stop(self) -> None:
        """Take no more deliveries, finish those in hand within the graceful time, give the others back."""
        await stop_task(self._starting)
        if self._broker is not None:
            await self._broker.stop()

    async def _start(self) -> None:
        wait = 0.2
        while True:
            broker = self._build()
            try:
                await broker.start()
            except (aio_pika.exceptions.AMQPError, OSError, TimeoutError) as error:
                _log.warning("worker.not_connected", error=_plain(error), retry_in_seconds=wait)
                await _stop_quietly(broker)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)
                continue
            self._broker = broker
            _log.info("worker.consuming", queues=[queue for queue, _, _ in self._subscriptions])
            return

    def _build(self) -> RabbitBroker:
        broker = RabbitBroker(
            str(URL(self._url).update_query(heartbeat=10, name=f"{self._name}.consume")),
            timeout=5,
            reconnect_interval=1,
            graceful_timeout=self._graceful_seconds,
            apply_types=False,
            logger=None,  # the consumer tells what happens; FastStream's own lines cost more than its work
        )
        for queue, prefetch, process in self._subscriptions:
            self._subscribe(broker, queue, prefetch, process)
        return broker

    @staticmethod
    def _subscribe(broker: RabbitBroker, queue: str, prefetch: int, process: Process) -> None:
        @broker.subscriber(
            RabbitQueue(queue, declare=False),
            channel=Channel(prefetch_count=prefetch),
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            decoder=_undecoded,
        )
        async def handle(message: RabbitMessage) -> None:
            await process(message.raw_message)


async def _undecoded(message: RabbitMessage) -> RabbitMessage:
    # The consumer decodes by itself, strictly; FastStream only carries the delivery.
    return message


async def _stop_quietly(broker: RabbitBroker) -> None:
    try:
        async with asyncio.timeout(5):
            await broker.stop()
    except (aio_pika.exceptions.AMQPError, OSError, TimeoutError) as error:
        _log.debug("worker.stop_failed", error=_plain(error))


def _plain(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if not isinstance(error, TimeoutError) else "timed out"
