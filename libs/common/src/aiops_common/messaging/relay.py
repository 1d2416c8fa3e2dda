"""The relay: moves what stands in the outbox to the broker, at least once."""

import asyncio
import contextvars
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import aiormq

from aiops_common.batching import Batcher
from aiops_common.logging import get_logger
from aiops_common.messaging import inbox, outbox
from aiops_common.messaging.connection import BrokerUnavailable
from aiops_common.messaging.message import Outgoing
from aiops_common.messaging.publisher import Publisher, Unroutable
from aiops_common.messaging.refusals import Refusals
from aiops_common.outage import Outage
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

MAX_PAUSE_SECONDS = 5.0
"""Longest pause between two attempts while the broker or the database is away."""

MAX_PUT_OFF_SECONDS = 300.0
"""Longest time for which a message is left alone for which the broker closes the channel."""

_SHARE_OF_LEASE = 0.8
"""How much of a lease may pass before publishing is given up. It must end first: a message that is published by two
relays at a time is sent twice, and by one relay twice on one channel its return may be taken for that of the other."""

Outcome = tuple[Outgoing, BaseException | None]


class OutboxRelay:
    """Publishes messages concurrently and marks what was confirmed.

    Messages come in two ways. ``hand_over`` takes those that this process has just committed, without reading them
    back: the usual way, and the quick one. The claim takes what nobody has: messages of a process that died, that the
    broker did not confirm, or that were written without a lease; a notification or the next poll wakes it.

    No transaction is open while it waits for confirms. A relay that dies between confirm and mark leaves its rows to
    the next one when the lease ends: consumers see the message twice, with the same id. Claims and marks need not be
    durable for the same reason, so ``pool`` may be one that does not wait for the disk.

    Nothing that cannot be sent holds up what can. A destination that refuses is left alone for a while. After any
    other failure single messages are tried until one is confirmed: so a broker that takes nothing (an alarm, a black
    hole) is not sent the same batch again and again, and a message for which the broker closes the channel, which
    fails its neighbours too, is found and put off.
    """

    def __init__(
        self,
        pool: Pool,
        publisher: Publisher,
        *,
        schema: str,
        listener: Listener,
        batch_size: int = 200,
        lease_seconds: float = 15.0,
        poll_seconds: float = 2.0,
        retention_seconds: float = 7 * DAY,
        sweep_seconds: float = 60.0,
    ) -> None:
        self._pool = pool
        self._publisher = publisher
        self._batch_size = batch_size
        self._lease_seconds = lease_seconds
        self._poll_seconds = poll_seconds
        self._retention_seconds = retention_seconds
        self._sweep_seconds = sweep_seconds
        self._limit = batch_size
        self._is_failing = False
        self._outage = Outage()
        self._refusals = Refusals()
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._handed_over: set[asyncio.Task[None]] = set()
        self._in_flight = 0
        self._marks: Batcher[Sequence[Outgoing], None] = Batcher(
            self._mark, fails_all=lambda error: isinstance(error, DatabaseUnavailable)
        )
        listener.subscribe(outbox.channel(schema), lambda _payload: self._wake.set())

    async def start(self) -> None:
        """Begin to relay in the background."""
        self._tasks = [
            asyncio.create_task(self._run(), name="outbox-relay"),
            asyncio.create_task(self._sweep(), name="outbox-retention"),
        ]

    async def stop(self, *, graceful_seconds: float = 3.0) -> None:
        """Finish what is being published, within the graceful time; the next relay sends the rest, and sends again
        what was not marked."""
        self._stopping.set()
        self._wake.set()
        if finishing := {*self._tasks[:1], *self._handed_over}:
            await asyncio.wait(finishing, timeout=graceful_seconds)
        # All at once: what each still has to give back takes its time where PostgreSQL does not answer.
        await asyncio.gather(*map(stop_task, (*self._tasks, *self._handed_over)))

    def hand_over(self, messages: Sequence[Outgoing]) -> None:
        """Publish messages that were appended with ``HAND_OVER_LEASE_SECONDS``; to be called after the commit."""
        if not messages or self._in_flight + len(messages) > MAX_HANDED_OVER:
            return
        self._in_flight += len(messages)
        # An empty context: each message is published in the trace that its headers name, and what else is done is no
        # part of the trace of who hands over.
        task = asyncio.create_task(
            self._deliver_handed_over(messages), name="outbox-delivery", context=contextvars.Context()
        )
        self._handed_over.add(task)
        task.add_done_callback(self._handed_over.discard)

    async def relay_once(self) -> int:
        """Claim and publish one batch; returns how many messages were confirmed.

        Raises:
            DatabaseUnavailable: nothing was claimed, or what was confirmed could not be marked.
            BrokerUnavailable: some messages were not confirmed; they were given back.
        """
        return await self._deliver(await self._claim(), self._lease_seconds)

    async def _claim(self) -> list[Outgoing]:
        async with self._pool.connection() as connection:
            return await outbox.claim(
                connection,
                limit=self._limit,
                lease_seconds=self._lease_seconds,
                without=self._refusals.waiting(),
            )

    async def _run(self) -> None:
        pause = 0.1
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                while not self._stopping.is_set() and (batch := await self._claim()):
                    await self._deliver(batch, self._lease_seconds)
                    pause = 0.1
                if (seconds := self._outage.ends()) is not None:
                    _log.info("relay.resumed", away_seconds=seconds)
            except Exception as error:
                # A relay that ends is worse than any error: nothing would leave this process any more.
                if self._outage.begins():
                    _log.warning("relay.paused", **_why(error), retry_in_seconds=pause)
                else:
                    _log.debug("relay.waiting", **_why(error), retry_in_seconds=pause)
                await _passed(self._stopping, pause)
                pause = min(pause * 2, MAX_PAUSE_SECONDS)
                continue
            if not self._stopping.is_set():
                await _passed(self._wake, self._poll_seconds)

    async def _deliver_handed_over(self, messages: Sequence[Outgoing]) -> None:
        try:
            if not self._is_failing:
                await self._deliver(messages, HAND_OVER_LEASE_SECONDS)
                return
            # The broker takes nothing at the moment; what stays in the outbox needs no memory.
            await self._release(messages)
            self._wake.set()
        except Exception as error:
            _log.warning("relay.not_delivered", **_why(error), messages=len(messages))
        finally:
            self._in_flight -= len(messages)

    async def _deliver(self, batch: Sequence[Outgoing], lease_seconds: float) -> int:
        if not batch:
            return 0
        outcomes = await self._publish(batch, _SHARE_OF_LEASE * lease_seconds)
        sent = [m for m, error in outcomes if error is None]
        refused = [m for m, error in outcomes if isinstance(error, Unroutable)]
        failed = [(m, error) for m, error in outcomes if error is not None and not isinstance(error, Unroutable)]
        self._is_failing = bool(failed)
        self._limit = 1 if failed else min(2 * self._limit, self._batch_size)
        if sent:
            await self._marks.submit(sent)
        for destination in {(m.exchange, m.routing_key) for m in sent}:
            # One that also refused some is full and being emptied: it is asked again in a second.
            self._refusals.accepted(destination)
        if refused:
            self._leave_alone(refused, "no queue is bound for this key, or it is full")
            await self._release(refused)
        if failed and not (len(batch) == 1 and await self._is_to_blame(*failed[0])):
            await self._release([m for m, _ in failed])
            raise failed[0][1]
        return len(sent)

    async def _is_to_blame(self, message: Outgoing, error: BaseException) -> bool:
        """Whether the broker closed the channel for what this message is; then it was seen to."""
        reason = error.__cause__
        if isinstance(reason, aiormq.exceptions.ChannelNotFoundEntity | aiormq.exceptions.ChannelAccessRefused):
            self._leave_alone([message], "the exchange does not exist, or this user may not write to it")
            await self._release([message])
        elif isinstance(reason, aiormq.exceptions.ChannelClosed):
            _log.error("relay.not_accepted", message_id=str(message.id), error_class=type(reason).__name__)
            async with self._pool.connection() as connection:
                await outbox.put_off(connection, message, max_seconds=MAX_PUT_OFF_SECONDS)
        else:
            return False
        return True

    async def _publish(self, batch: Sequence[Outgoing], seconds: float) -> list[Outcome]:
        """Publish concurrently; what is not confirmed in time counts as failed, and is no longer under way."""
        tasks = [asyncio.create_task(self._publisher.publish(message)) for message in batch]
        try:
            await asyncio.wait(tasks, timeout=seconds)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        late = BrokerUnavailable(f"RabbitMQ is unavailable: not confirmed within {seconds:g} s")
        errors = [late if isinstance(result, asyncio.CancelledError) else result for result in results]
        return list(zip(batch, errors, strict=True))

    async def _mark(self, batches: Sequence[Sequence[Outgoing]]) -> list[None]:
        async with self._pool.connection() as connection:
            await outbox.mark_sent(connection, [message for batch in batches for message in batch])
        return [None] * len(batches)

    def _leave_alone(self, refused: Sequence[Outgoing], why: str) -> None:
        for (exchange, routing_key), count in Counter((m.exchange, m.routing_key) for m in refused).items():
            if seconds := self._refusals.refused((exchange, routing_key)):
                same = (str(m.id) for m in refused if (m.exchange, m.routing_key) == (exchange, routing_key))
                _log.error(
                    "relay.refused",
                    exchange=exchange,
                    routing_key=routing_key,
                    messages=count,
                    message_ids=list(islice(same, 5)),
                    retry_in_seconds=seconds,
                    hint=f"{why}: provision the topology, look at the queue's length",
                )

    async def _release(self, messages: Sequence[Outgoing]) -> None:
        async with self._pool.connection() as connection:
            await outbox.release(connection, messages)

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
            except Exception as error:
                # Without the sweep the tables grow for ever; the schema may only be migrated later, for example.
                _log.warning("relay.not_swept", **_why(error))
                deleted = 0
            await asyncio.sleep(min(1.0, self._sweep_seconds) if deleted else self._sweep_seconds)


def _why(error: Exception) -> dict[str, Any]:
    expected = isinstance(error, DatabaseUnavailable | BrokerUnavailable)
    return {"error": str(error), "exc_info": not expected}


async def _passed(event: asyncio.Event, seconds: float) -> None:
    """Wait for ``event``, at most ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
