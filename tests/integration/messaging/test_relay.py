"""The outbox and its relay on a real database and a real broker."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from aiops_common.messaging import outbox
from aiops_common.messaging.message import Outgoing, outgoing
from aiops_common.messaging.publisher import Publisher
from aiops_common.messaging.relay import OutboxRelay
from aiops_common.postgres import Listener, Pool
from aiops_contracts.triage import TriageTicket
from support.eventually import eventually
from support.queues import purge, take
from support.servers import Broker


def command(title: str) -> Outgoing:
    return outgoing(TriageTicket(title=title, body="b"), exchange="aiops.commands", source="aiops/gateway")


@pytest.fixture
async def pool(pools: dict[str, Pool], broker: Broker) -> Pool:
    await purge(broker.amqp_url, "triage.work")
    async with pools["gateway"].connection() as connection:
        await connection.execute("TRUNCATE outbox")
    return pools["gateway"]


@pytest.fixture
async def publisher(broker: Broker) -> AsyncIterator[Publisher]:
    publisher = Publisher(broker.url_for("gateway"), name="test-relay")
    yield publisher
    await publisher.stop()


async def write(pool: Pool, messages: list[Outgoing]) -> None:
    async with pool.transaction() as connection:
        await outbox.append(connection, messages)


async def unsent(pool: Pool) -> int:
    async with pool.connection() as connection:
        count: int = await connection.fetchval("SELECT count(*) FROM outbox WHERE sent_at IS NULL")
        return count


async def test_a_notification_wakes_the_relay_long_before_the_next_poll(
    pool: Pool, publisher: Publisher, broker: Broker, service_database_urls: dict[str, str]
) -> None:
    listener = Listener(service_database_urls["gateway"])
    relay = OutboxRelay(pool, publisher, schema="gateway", listener=listener, poll_seconds=3600)
    await listener.start()
    await relay.start()

    async def listening() -> bool:
        return listener.connected

    await eventually(listening)
    await write(pool, [command("hello")])
    message = await eventually(lambda: take(broker.amqp_url, "triage.work"))
    assert message.delivery_mode == 2
    assert message.user_id == "gateway"
    await relay.stop()
    await listener.stop()


async def test_two_relays_send_each_message_once(pool: Pool, broker: Broker, publisher: Publisher) -> None:
    messages = [command(str(number)) for number in range(300)]
    await write(pool, messages)
    listener = Listener("postgresql://unused")
    relays = [OutboxRelay(pool, publisher, schema="gateway", listener=listener, batch_size=20) for _ in range(2)]

    async def drain(relay: OutboxRelay) -> int:
        total = 0
        while sent := await relay.relay_once():
            total += sent
        return total

    sent = await asyncio.gather(*(drain(relay) for relay in relays))
    assert sum(sent) == 300
    assert await unsent(pool) == 0
    received = set()
    while message := await take(broker.amqp_url, "triage.work"):
        received.add(UUID(message.message_id))
    assert received == {message.id for message in messages}


async def test_the_same_message_id_is_written_once(pool: Pool) -> None:
    message = command("once")
    await write(pool, [message])
    await write(pool, [message])
    assert await unsent(pool) == 1


async def test_what_nobody_takes_stays_in_the_outbox(pool: Pool, publisher: Publisher) -> None:
    lost = Outgoing(command("x").id, "aiops.commands", "nobody.consumes_this.v1", b"{}", {})
    await write(pool, [lost, command("fine")])
    relay = OutboxRelay(pool, publisher, schema="gateway", listener=Listener("postgresql://unused"))
    assert await relay.relay_once() == 1
    assert await unsent(pool) == 1


async def test_a_rolled_back_effect_sends_nothing(pool: Pool) -> None:
    async def fail_after_writing() -> None:
        async with pool.transaction() as connection:
            await outbox.append(connection, [command("never")])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_after_writing()
    assert await unsent(pool) == 0
