"""The relay: moves what stands in the outbox to the broker, at least once, in order of writing."""

import asyncio

from aiops_common.logging import get_logger
from aiops_common.messaging import inbox, outbox
from aiops_common.messaging.connection import BrokerUnavailable
from aiops_common.messaging.message import Outgoing
from aiops_common.messaging.publisher import Publisher, Unroutable
from aiops_common.postgres import DatabaseUnavailable, Listener, Pool
from aiops_common.tasks import stop_task

_log = get_logger(__name__)

DAY = 24 * 3600.0


class OutboxRelay:
    """Claims a batch, publishes it concurrently, marks what was confirmed.

    No transaction is open while it waits for confirms. A relay that dies between confirm and mark leaves its rows to
    the next one when the lease ends: consumers see the message twice, with the same id.
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
        listener.subscribe(outbox.channel(schema), lambda _payload: self._wake.set())

    async def start(self) -> None:
        """Begin to relay in the background."""
        self._tasks = [
            asyncio.create_task(self._run(), name="outbox-relay"),
            asyncio.create_task(self._sweep(), name="outbox-retention"),
        ]

    async def stop(self) -> None:
        """Stop; what is claimed but not yet marked is sent again by the next relay."""
        for task in self._tasks:
            await stop_task(task)

    async def _run(self) -> None:
        pause = 0.1
        while True:
            self._wake.clear()
            try:
                while await self.relay_once():
                    pause = 0.1
            except Exception as error:
                # A relay that ends is worse than any error: nothing would leave this process any more.
                expected = isinstance(error, DatabaseUnavailable | BrokerUnavailable)
                _log.warning("relay.paused", error=str(error), retry_in_seconds=pause, exc_info=not expected)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
                continue
            try:
                async with asyncio.timeout(self._poll_seconds):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def relay_once(self) -> int:
        """Relay one batch; returns how many messages were confirmed.

        Raises:
            DatabaseUnavailable: nothing was claimed, or what was confirmed could not be marked.
            BrokerUnavailable: some messages were not confirmed; they were given back.
        """
        async with self._pool.connection() as connection:
            batch = await outbox.claim(connection, limit=self._batch_size, lease_seconds=self._lease_seconds)
        if not batch:
            return 0
        outcomes = await asyncio.gather(*(self._publisher.publish(m) for m in batch), return_exceptions=True)
        sent = [m for m, outcome in zip(batch, outcomes, strict=True) if outcome is None]
        failed = [(m, outcome) for m, outcome in zip(batch, outcomes, strict=True) if outcome is not None]
        async with self._pool.connection() as connection:
            if sent:
                await outbox.mark_sent(connection, sent)
            if failed:
                await self._give_back(connection, failed)
        for _, error in failed:
            if not isinstance(error, Unroutable):
                raise error
        return len(sent)

    async def _give_back(self, connection: object, failed: list[tuple[Outgoing, BaseException]]) -> None:
        refused = [m for m, error in failed if isinstance(error, Unroutable)]
        for message in refused:
            _log.error(
                "relay.refused",
                message_id=str(message.id),
                exchange=message.exchange,
                routing_key=message.routing_key,
                hint="no queue is bound for this key, or it is full: provision the topology, look at its length",
            )
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
