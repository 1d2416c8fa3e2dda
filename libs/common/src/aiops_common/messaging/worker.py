"""The consuming side of a process: subscriptions on a connection of their own, started whenever the broker is there."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, cast

import aio_pika
import aiormq
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.robust_connection import RobustConnection
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue
from faststream.rabbit.annotations import RabbitMessage
from faststream.rabbit.subscriber import RabbitSubscriber
from yarl import URL

from aiops_common.logging import get_logger
from aiops_common.messaging.connection import BrokerUnavailable, unavailable_errors
from aiops_common.outage import Outage
from aiops_common.tasks import stop_task

_log = get_logger(__name__)

WATCH_SECONDS = 0.5

ATTEMPT_SECONDS = 5.0
"""How long an attempt to connect may take to end when nobody wants it any more, and each consumer."""

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
        self._connection: RobustConnection | None = None
        self._subscribers: list[RabbitSubscriber] = []
        self._starting: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    def subscribe(self, queue: str, process: Process, *, prefetch: int) -> None:
        """Call ``process`` for every delivery of ``queue``; it settles the delivery itself."""
        self._subscriptions.append((queue, prefetch, process))

    @property
    def is_consuming(self) -> bool:
        """Whether the connection is alive and every queue has its consumer."""
        return self._connected and not self.unconsumed

    @property
    def unconsumed(self) -> list[str]:
        """Queues that nobody consumes here, because the broker ended the consumer (the queue was deleted, say).

        aio-pika looks for such a queue every second and consumes it again once it is back.
        """
        if not self._connected or self._broker is None:
            return [queue for queue, _, _ in self._subscriptions]
        return [one.queue.name for one in self._subscribers if not _is_consumed(one)]

    @property
    def _connected(self) -> bool:
        broker = self._broker
        if broker is None or self._starting is None or not self._starting.done():
            return False
        connection = broker._connection  # broker.ping() would only test a flag
        return connection is not None and connection.connected.is_set()

    async def start(self) -> None:
        """Begin to consume, or to consume again, as soon as the broker can be reached; never fails."""
        self._starting = asyncio.create_task(self._start(), name="worker-start")
        self._watching = asyncio.create_task(self._watch(), name="worker-watch")

    async def stop(self) -> None:
        """Take no more deliveries, finish those in hand within the graceful time, give the others back."""
        await stop_task(self._watching)
        await stop_task(self._starting, again_seconds=3 * ATTEMPT_SECONDS)
        if self._broker is None:
            return
        try:
            async with unavailable_errors(), asyncio.timeout(ATTEMPT_SECONDS + self._graceful_seconds):
                await asyncio.gather(*map(_consume_no_more, self._subscribers))
                await self._broker.stop()
        except BrokerUnavailable as error:  # it gives what is left to others when the connection is gone
            _log.debug("worker.stop_failed", error=str(error))
        finally:
            self._broker = None
            await self._disconnect()

    async def _disconnect(self) -> None:
        # Whatever becomes of the broker of FastStream, which leaves its connection open where a subscriber does not
        # stop well, and does not know yet the one of which it is opening a channel: open, it is restored for ever.
        if self._connection is not None and not self._connection.is_closed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ATTEMPT_SECONDS):
                    await self._connection.close()

    async def _watch(self) -> None:
        """Tell when queues begin and cease to be consumed, once each: the libraries tell every second."""
        known: list[str] | None = None
        while True:
            missing = self.unconsumed
            if missing != known and self._broker is not None:
                if missing:
                    _log.warning("worker.not_consuming", queues=missing)
                else:
                    _log.info("worker.consuming", queues=[queue for queue, _, _ in self._subscriptions])
                known = missing
            await asyncio.sleep(WATCH_SECONDS)

    async def _start(self) -> None:
        wait, outage = 0.2, Outage()
        while True:
            broker = self._build()
            attempt = asyncio.create_task(broker.start(), name="worker-connect")
            try:
                await asyncio.shield(attempt)
            except asyncio.CancelledError:
                # Cancelled half way, it would leave a connection of which nobody knows, made anew for ever, which takes
                # messages that nobody handles.
                await asyncio.wait([attempt], timeout=ATTEMPT_SECONDS)
                attempt.cancel()
                await self._stop_quietly(broker)
                raise
            except Exception as error:  # a worker that gives up is worse than any error
                if outage.begins():
                    _log.warning("worker.not_connected", error=_plain(error))
                await self._stop_quietly(broker)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)
                continue
            self._broker = broker
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
        broker._connection_kwargs["connection_class"] = self._made
        self._subscribers = [
            _subscriber(broker, queue, prefetch, process) for queue, prefetch, process in self._subscriptions
        ]
        return broker

    def _made(self, *arguments: Any, **options: Any) -> RobustConnection:
        self._connection = RobustConnection(*arguments, **options)
        return self._connection

    async def _stop_quietly(self, broker: RabbitBroker) -> None:
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                await broker.stop()
        except Exception as error:  # what did not start may not stop either
            _log.debug("worker.stop_failed", error=_plain(error))
        finally:
            await self._disconnect()


def _subscriber(broker: RabbitBroker, queue: str, prefetch: int, process: Process) -> RabbitSubscriber:
    subscriber = broker.subscriber(
        RabbitQueue(queue, declare=False),
        channel=Channel(prefetch_count=prefetch),
        ack_policy=AckPolicy.MANUAL,
        no_reply=True,
        decoder=_undecoded,
    )

    @subscriber
    async def handle(message: RabbitMessage) -> None:
        await process(message.raw_message)

    return subscriber


async def _consume_no_more(subscriber: RabbitSubscriber) -> None:
    # FastStream waits for what is in hand first, and what comes meanwhile it leaves lying until the connection ends.
    queue, tag = subscriber._queue_obj, subscriber._consumer_tag
    if queue is None or tag is None:
        return
    with contextlib.suppress(Exception):  # the connection is away, and with it the consumer, who does not come back
        async with unavailable_errors():
            await queue.cancel(tag, timeout=ATTEMPT_SECONDS)
    subscriber._consumer_tag = None


def _is_consumed(subscriber: RabbitSubscriber) -> bool:
    # FastStream and aio-pika remember what they want to consume; only the channel of aiormq knows what is consumed.
    queue = subscriber._queue_obj
    opened = cast(aio_pika.Channel, queue.channel)._channel if queue is not None else None
    if opened is None or opened.channel.is_closed:
        return False
    return subscriber._consumer_tag in cast(aiormq.Channel, opened.channel).consumers


async def _undecoded(message: RabbitMessage) -> RabbitMessage:
    # The consumer decodes by itself, strictly; FastStream only carries the delivery.
    return message


def _plain(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if not isinstance(error, TimeoutError) else "timed out"
