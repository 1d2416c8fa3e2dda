"""The relay: moves what stands in the outbox to the broker, at least once."""

import asyncio
from collections.abc import Callable, Sequence

from aiops_common.batching import Batcher
from aiops_common.logging import get_logger
from aiops_common.messaging import inbox, outbox
from aiops_common.messaging.connection import BrokerUnavailable
from aiops_common.messaging.message import Outgoing
from aiops_common.messaging.publisher import Publisher, Unroutable
from aiops_common.postgres import DatabaseUnavailable, Listener, Pool
from aiops_common.tasks import stop_task

_log = get_logger(__name__)

DAY = 24 * 3600.0

HAND_OVER_LEASE_SECONDS = 10.0
"""How long messages that were handed over belong to this process; when it dies, others send them after that."""

HandOver = Callable[[Sequence[Outgoing]], None]
"""Takes messages that were appended with the lease, after the commit: ``OutboxRelay.hand_over``."""

MAX_HANDED_OVER = 2000
"""Most messages that wait in memory for their confirm; those beyond stay in the outbox until their lease ends."""


class OutboxRelay:
    """Publishes messages concurrently and marks what was confirmed.

    Messages come in two ways. ``hand_over`` takes those that this process has just committed, without reading them
    back: the usual way, and the quick one. The claim takes what nobody has: messages of a process that died, that the
    broker did not confirm, or that were written without a lease; a notification or the next poll wakes it.

    No transaction is open while it waits for confirms. A relay that dies between confirm and mark leaves its rows to
    the next one when the lease ends: consumers see the message twice, with the same id. Claims and marks need not be
    durable for the same reason, so ``pool`` may be one that does not wait for the disk.
    """

    def __init__(
        self,
        pool: Pool,
        publisher: Publisher,
        *,
        schema: str,
        listener: Listener,
        batch_size: int = 200,
        lease_seconds: float = 30.0,
        poll_seconds: float = 2.0,
        retention_seconds: float = 7 * DAY,
    ) -> None:
        self._pool = pool
        self._publisher = publisher
        self._batch_size = batch_size
        self._lease_seconds = lease_seconds
        self._poll_seconds = poll_seconds
        self._retention_seconds = retention_seconds
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._handed_over: set[asyncio.Task[None]] = set()
        self._in_flight = 0
        self._marks: Batcher[Sequence[Outgoing], None] = Batcher(self._mark)
        listener.subscribe(outbox.channel(schema), lambda _payload: self._wake.set())

    async def start(self) -> None:
        """Begin to relay in the background."""
        self._tasks = [
            asyncio.create_task(self._run(), name="outbox-relay"),
            asyncio.create_task(self._sweep(), name="outbox-retention"),
        ]

    async def stop(self) -> None:
        """Stop; what is claimed but not yet marked is sent again by the next relay."""
        for task in (*self._tasks, *self._handed_over):
            await stop_task(task)

    def hand_over(self, messages: Sequence[Outgoing]) -> None:
        """Publish messages that were appended with ``HAND_OVER_LEASE_SECONDS``; to be called after the commit."""
        if not messages or self._in_flight + len(messages) > MAX_HANDED_OVER:
            return
        self._in_flight += len(messages)
        task = asyncio.create_task(self._deliver_handed_over(messages), name="outbox-delivery")
        self._handed_over.add(task)
        task.add_done_callback(self._handed_over.discard)

    async def relay_once(self) -> int:
        """Claim and publish one batch; returns how many messages were confirmed.

        Raises:
            DatabaseUnavailable: nothing was claimed, or what was confirmed could not be marked.
            BrokerUnavailable: some messages were not confirmed; they were given back.
        """
        async with self._pool.connection() as connection:
            batch = await outbox.claim(connection, limit=self._batch_size, lease_seconds=self._lease_seconds)
        return await self._deliver(batch)

    async def _run(self) -> None:
        pause = 0.1
        while True:
            self._wake.clear()
            try:
                while await self.relay_once():
                    pause = 0.1
            except Exception as error:
                # A relay that ends is worse than any error: nothing would leave this process any more.
                _told("relay.paused", error, retry_in_seconds=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
                continue
            try:
                async with asyncio.timeout(self._poll_seconds):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _deliver_handed_over(self, messages: Sequence[Outgoing]) -> None:
        try:
            await self._deliver(messages)
        except Exception as error:
            _told("relay.not_delivered", error, messages=len(messages))
        finally:
            self._in_flight -= len(messages)

    async def _deliver(self, batch: Sequence[Outgoing]) -> int:
        if not batch:
            return 0
        outcomes = await asyncio.gather(*(self._publisher.publish(m) for m in batch), return_exceptions=True)
        sent = [m for m, outcome in zip(batch, outcomes, strict=True) if outcome is None]
        failed = [(m, outcome) for m, outcome in zip(batch, outcomes, strict=True) if outcome is not None]
        if sent:
            await self._marks.submit(sent)
        if failed:
            await self._give_back(failed)
        for _, error in failed:
            if not isinstance(error, Unroutable):
                raise error
        return len(sent)

    async def _mark(self, batches: Sequence[Sequence[Outgoing]]) -> list[None]:
        async with self._pool.connection() as connection:
            await outbox.mark_sent(connection, [message for batch in batches for message in batch])
        return [None] * len(batches)

    async def _give_back(self, failed: Sequence[tuple[Outgoing, BaseException]]) -> None:
        refused = [m for m, error in failed if isinstance(error, Unroutable)]
        for message in refused:
            _log.error(
                "relay.refused",
                message_id=str(message.id),
                exchange=message.exchange,
                routing_key=message.routing_key,
                hint="no queue is bound for this key, or it is full: provision the topology, look at its length",
            )
        async with self._pool.connection() as connection:
            await outbox.release(connection, [m for m, _ in failed], after_seconds=5.0 if refused else 0.0)

    async def _sweep(self) -> None:
        """Delete old rows in small steps, so that no deletion holds locks for long."""
        while True:
            try:
                async with self._pool.connection() as connection:
                    deleted = await outbox.delete_sent(
                        connection, older_than_seconds=self._retention_seconds, limit=1000
                    )
                    deleted += await inbox.delete_old(
                        connection, older_than_seconds=2 * self._retention_seconds, limit=1000
                    )
            except DatabaseUnavailable:
                deleted = 0
            await asyncio.sleep(1.0 if deleted else 60.0)


def _told(event: str, error: Exception, **fields: object) -> None:
    expected = isinstance(error, DatabaseUnavailable | BrokerUnavailable)
    _log.warning(event, error=str(error), exc_info=not expected, **fields)
