"""What the relay does with messages that do not leave: every other message leaves all the same, and soon."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import pytest

from aiops_common.messaging import outbox
from aiops_common.messaging.connection import BrokerUnavailable
from aiops_common.messaging.message import Outgoing, outgoing
from aiops_common.messaging.publisher import Publisher, Unroutable
from aiops_common.messaging.relay import OutboxRelay
from aiops_common.postgres import Listener, Pool
from aiops_contracts.triage import TriageTicket
from support.eventually import eventually
from support.queues import channel, purge, take
from support.servers import Broker


def command(title: str, *, exchange: str = "aiops.commands") -> Outgoing:
    return outgoing(TriageTicket(title=title, body="b"), exchange=exchange, source="aiops/gateway")


def nobodys(number: int) -> Outgoing:
    return Outgoing(command(str(number)).id, "aiops.commands", "nobody.consumes_this.v1", b"{}", {})


class ScriptedPublisher(Publisher):
    """Counts what it is given; holds it while ``is_blocked``, refuses what is in ``unroutable``."""

    def __init__(self) -> None:
        super().__init__("amqp://test@localhost/", name="test")
        self.is_blocked = False
        self.unroutable: set[str] = set()
        self.tries: Counter[UUID] = Counter()
        self.under_way: Counter[UUID] = Counter()
        self.most_at_once = 0

    async def publish(self, message: Outgoing) -> None:
        self.tries[message.id] += 1
        self.under_way[message.id] += 1
        self.most_at_once = max(self.most_at_once, self.under_way[message.id])
        try:
            if self.is_blocked:
                await asyncio.Event().wait()
            if message.routing_key in self.unroutable:
                raise Unroutable(message.routing_key)
        finally:
            self.under_way[message.id] -= 1


@pytest.fixture
async def pool(pools: dict[str, Pool]) -> Pool:
    async with pools["gateway"].connection() as connection:
        await connection.execute("TRUNCATE outbox")
    return pools["gateway"]


@pytest.fixture
async def publisher(broker: Broker) -> AsyncIterator[Publisher]:
    await purge(broker.amqp_url, "triage.work")
    publisher = Publisher(broker.url_for("gateway"), name="test-relay")
    yield publisher
    await publisher.stop()


def relay_of(
    pool: Pool, publisher: Publisher, *, batch_size: int = 20, lease_seconds: float = 30.0, **seconds: float
) -> OutboxRelay:
    return OutboxRelay(
        pool,
        publisher,
        schema="gateway",
        listener=Listener("postgresql://unused"),
        batch_size=batch_size,
        lease_seconds=lease_seconds,
        **{"poll_seconds": 0.1, **seconds},
    )


@asynccontextmanager
async def running(*relays: OutboxRelay) -> AsyncIterator[None]:
    for relay in relays:
        await relay.start()
    try:
        yield
    finally:
        for relay in relays:
            await relay.stop()


async def write(pool: Pool, *messages: Outgoing, lease_seconds: float | None = None) -> None:
    async with pool.transaction() as connection:
        await outbox.append(connection, messages, lease_seconds=lease_seconds)


async def unsent(pool: Pool, *messages: Outgoing) -> int:
    async with pool.connection() as connection:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM outbox WHERE sent_at IS NULL AND id = ANY($1::uuid[])", [m.id for m in messages]
        )
        return count


async def all_sent(pool: Pool, *messages: Outgoing) -> bool:
    return await unsent(pool, *messages) == 0


async def test_many_that_nobody_takes_hold_up_nobody_behind_them(pool: Pool) -> None:
    # Each batch at the head is full of those; they come due again before the claim has got past all of them.
    refused = [nobodys(number) for number in range(500)]
    fine = command("fine")
    await write(pool, *refused, fine)
    publisher = ScriptedPublisher()
    publisher.unroutable = {"nobody.consumes_this.v1"}
    async with running(relay_of(pool, publisher, poll_seconds=0.5)):
        await eventually(lambda: all_sent(pool, fine), seconds=5)
    assert await unsent(pool, *refused) == 500
    assert sum(publisher.tries[message.id] for message in refused) <= 100


async def test_what_was_refused_leaves_once_somebody_takes_it(pool: Pool) -> None:
    refused = [nobodys(number) for number in range(60)]
    await write(pool, *refused)
    publisher = ScriptedPublisher()
    publisher.unroutable = {"nobody.consumes_this.v1"}
    async with running(relay_of(pool, publisher)):

        async def tried_twice() -> bool:
            return max(publisher.tries.values(), default=0) >= 2

        await eventually(tried_twice)
        publisher.unroutable = set()
        await eventually(lambda: all_sent(pool, *refused))


async def test_a_message_for_an_exchange_that_is_gone_holds_up_nobody(
    pool: Pool, publisher: Publisher, broker: Broker
) -> None:
    """The broker closes the channel for it, which fails everything else that is under way."""
    lost = [command(f"lost {number}", exchange="aiops.nowhere") for number in range(3)]
    fine = [command(f"fine {number}") for number in range(40)]
    await write(pool, *lost[:2], *fine[:15], lost[2], *fine[15:])
    async with running(relay_of(pool, publisher)):
        await eventually(lambda: all_sent(pool, *fine))
    assert await unsent(pool, *lost) == 3


async def test_a_message_that_the_broker_does_not_accept_holds_up_nobody(
    pool: Pool, publisher: Publisher, broker: Broker
) -> None:
    """What is wrong with it is its own: others for the same destination leave."""
    # RabbitMQ answers a user_id that is not the connection's with 406 and closes the channel.
    refusing = ForeignIdentity(broker.url_for("gateway"), name="test-foreign")
    bad = [command(f"bad {number}") for number in range(7)]
    fine = [command(f"fine {number}") for number in range(40)]
    refusing.foreign = {message.id for message in bad}
    await write(pool, *bad, *fine)
    async with running(relay_of(pool, refusing)):
        await eventually(lambda: all_sent(pool, *fine))
    assert await unsent(pool, *bad) == 7
    await refusing.stop()


class ForeignIdentity(Publisher):
    """Sends some messages under another user's name."""

    foreign: set[UUID]
    _foreign_now = False

    async def publish(self, message: Outgoing) -> None:
        self._foreign_now = message.id in self.foreign
        await super().publish(message)

    @property
    def user(self) -> str:
        return "somebody_else" if self._foreign_now else super().user


async def test_while_the_broker_takes_nothing_few_messages_are_tried_again_and_none_by_two_at_once(pool: Pool) -> None:
    messages = [command(str(number)) for number in range(40)]
    await write(pool, *messages)
    publisher = ScriptedPublisher()
    publisher.is_blocked = True
    relays = [relay_of(pool, publisher, lease_seconds=0.5) for _ in range(2)]
    async with running(*relays):

        async def tried_often() -> bool:
            return max(publisher.tries.values(), default=0) >= 4

        await eventually(tried_often)
        # One batch each, then one message at a time.
        assert sum(publisher.tries.values()) <= 2 * 20 + 2 * 10
        assert publisher.most_at_once == 1
        publisher.is_blocked = False
        await eventually(lambda: all_sent(pool, *messages))


async def test_while_the_broker_takes_nothing_what_is_handed_over_waits_in_the_outbox(pool: Pool) -> None:
    publisher = ScriptedPublisher()
    publisher.is_blocked = True
    stuck = command("stuck")
    await write(pool, stuck)
    relay = relay_of(pool, publisher, lease_seconds=0.3)
    with pytest.raises(BrokerUnavailable):
        await relay.relay_once()
    later = [command(str(number)) for number in range(30)]
    await write(pool, *later, lease_seconds=3600)
    relay.hand_over(later)
    async with running(relay):
        publisher.is_blocked = False
        await eventually(lambda: all_sent(pool, stuck, *later))
    assert {publisher.tries[message.id] for message in later} == {1}


async def test_what_a_process_committed_and_never_handed_over_leaves_when_its_lease_ends(
    pool: Pool, publisher: Publisher, broker: Broker
) -> None:
    orphan = command("orphan")
    await write(pool, orphan, lease_seconds=0.5)
    relay = relay_of(pool, publisher)
    assert await relay.relay_once() == 0
    async with running(relay):
        found = await eventually(lambda: take(broker.amqp_url, "triage.work"))
    assert found.message_id == str(orphan.id)


async def test_a_relay_that_is_stopped_finishes_what_it_has_begun(
    pool: Pool, publisher: Publisher, broker: Broker
) -> None:
    messages = [command(str(number)) for number in range(50)]
    await write(pool, *messages, lease_seconds=3600)
    relay = relay_of(pool, publisher)
    async with running(relay):
        relay.hand_over(messages)
    assert await all_sent(pool, *messages)


async def test_two_relays_and_a_hand_over_publish_two_thousand_messages_once(
    pool: Pool, publisher: Publisher, broker: Broker
) -> None:
    messages = [command(str(number)) for number in range(2000)]
    handed, left = messages[:500], messages[500:]
    await write(pool, *handed, lease_seconds=3600)
    await write(pool, *left)
    relays = [relay_of(pool, publisher, batch_size=100) for _ in range(2)]
    async with running(*relays):
        for start in range(0, len(handed), 50):
            relays[0].hand_over(handed[start : start + 50])
        await eventually(lambda: all_sent(pool, *messages), seconds=60)
    received: Counter[str] = Counter()
    while message := await take_many(broker, 200):
        received.update(message)
    assert received == Counter(str(message.id) for message in messages)


async def take_many(broker: Broker, count: int) -> list[str]:
    """The ids of the next messages of the work queue, over one connection."""
    async with channel(broker.amqp_url) as opened:
        queue = await opened.get_queue("triage.work", ensure=False)
        found: list[str] = []
        while len(found) < count and (message := await queue.get(fail=False)) is not None:
            await message.ack()
            found.append(message.message_id or "")
        return found


async def was_swept_since(pool: Pool, moment: datetime) -> bool:
    """Whether the sweep has asked for the outbox after ``moment``."""
    statement = """
        SELECT count(*) FROM pg_stat_activity
        WHERE query LIKE '%DELETE FROM outbox WHERE%' AND query_start > $1 AND pid != pg_backend_pid()
    """
    async with pool.connection() as connection:
        return bool(await connection.fetchval(statement, moment))


async def test_the_sweep_outlives_tables_that_are_not_there_yet(pool: Pool) -> None:
    old = command("old")
    await write(pool, old)
    async with pool.connection() as connection:
        await connection.execute("UPDATE outbox SET sent_at = now() - interval '8 days'")
        await connection.execute("ALTER TABLE outbox RENAME TO outbox_elsewhere")
        renamed = await connection.fetchval("SELECT clock_timestamp()")
    relay = relay_of(pool, ScriptedPublisher(), sweep_seconds=0.1)
    try:
        async with running(relay):
            await eventually(lambda: was_swept_since(pool, renamed))
            async with pool.connection() as connection:
                await connection.execute("ALTER TABLE outbox_elsewhere RENAME TO outbox")

            async def gone() -> bool:
                async with pool.connection() as connection:
                    return not await connection.fetchval("SELECT count(*) FROM outbox")

            await eventually(gone)
    finally:
        async with pool.connection() as connection:
            await connection.execute("ALTER TABLE IF EXISTS outbox_elsewhere RENAME TO outbox")
