"""A worker that pauses: what it has in hand is finished, the rest is for others, and it can begin again."""

import asyncio
from collections.abc import AsyncIterator

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.robust_channel import RobustChannel
from aio_pika.robust_connection import RobustConnection
from aio_pika.robust_queue import RobustQueue
from faststream.rabbit.subscriber import RabbitSubscriber
from yarl import URL

from aiops_common.messaging import worker as worker_module
from aiops_common.messaging.worker import Worker
from aiops_common.testing.tcp_proxy import Faults, TcpProxy
from support.eventually import eventually
from support.queues import channel
from support.servers import Broker

QUEUE = "paused.work"


@pytest.fixture
async def queue(broker: Broker) -> AsyncIterator[str]:
    async with channel(broker.amqp_url) as opened:
        await opened.declare_queue(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        yield QUEUE
        await opened.queue_delete(QUEUE)


class Hands:
    """Takes messages; ``slow`` ones wait until they may end."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.may_end = asyncio.Event()

    async def process(self, message: AbstractIncomingMessage) -> None:
        self.taken.append(message.body)
        if message.body == b"slow":
            await self.may_end.wait()
        await message.ack()

    async def have(self, body: bytes) -> None:
        async def taken() -> bool:
            return body in self.taken

        await eventually(taken)


def worker(url: str, hands: Hands, *, graceful_seconds: float = 60.0) -> Worker:
    made = Worker(url, name="test-paused", graceful_seconds=graceful_seconds)
    made.subscribe(QUEUE, hands.process, prefetch=10)
    return made


async def consuming(one: Worker) -> None:
    async def is_consuming() -> bool:
        return one.is_consuming

    await eventually(is_consuming)


async def send(broker: Broker, body: bytes) -> None:
    async with channel(broker.amqp_url) as opened:
        await opened.default_exchange.publish(aio_pika.Message(body), QUEUE)


async def consumers(broker: Broker) -> int:
    async with channel(broker.amqp_url) as opened:
        return (await opened.declare_queue(QUEUE, passive=True)).declaration_result.consumer_count or 0


async def test_what_comes_while_it_finishes_is_for_others(broker: Broker, queue: str) -> None:
    mine, others = Hands(), Hands()
    pausing, other = worker(broker.amqp_url, mine), worker(broker.amqp_url, others)
    await pausing.start()
    await consuming(pausing)
    await send(broker, b"slow")
    await mine.have(b"slow")
    stopping = asyncio.create_task(pausing.stop())
    await other.start()
    try:
        await consuming(other)

        async def one_is_left() -> bool:
            return not pausing.is_consuming  # the broker counts a consumer until nothing is in its hands

        await eventually(one_is_left)
        for number in range(4):
            await send(broker, b"%d" % number)
        for number in range(4):
            await others.have(b"%d" % number)
        assert mine.taken == [b"slow"]
    finally:
        mine.may_end.set()
        await stopping
        await other.stop()


async def test_it_begins_again_right_after_its_end(broker: Broker, queue: str) -> None:
    hands = Hands()
    one = worker(broker.amqp_url, hands)
    for _ in range(3):
        await one.start()
        await asyncio.sleep(0)
        await one.stop()
    await one.start()
    try:
        await consuming(one)
        await send(broker, b"again")
        await hands.have(b"again")
    finally:
        await one.stop()


@pytest.mark.parametrize("consumes", [False, True])
async def test_one_that_is_stopped_while_it_connects_leaves_nothing(broker: Broker, queue: str, consumes: bool) -> None:
    address = URL(broker.amqp_url)
    async with TcpProxy(address.host or "", address.port or 0) as proxy:
        proxy.faults = Faults(latency_seconds=0.2)
        one = worker(str(address.with_host("127.0.0.1").with_port(proxy.port)), Hands())
        for _ in range(5):  # of six queues, some are consumed while the others are not yet
            one.subscribe(QUEUE, Hands().process, prefetch=1)

        async def half_way() -> bool:
            return 0 < await consumers(broker) < 6 if consumes else proxy.accepted == 1

        async def all_are_gone() -> bool:
            return proxy.connections == 0 and await consumers(broker) == 0

        await one.start()
        await eventually(half_way)
        assert not one.is_consuming
        await one.stop()
        await eventually(all_are_gone)


async def test_one_that_does_not_stop_well_leaves_nothing(
    broker: Broker, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_subscriber: RabbitSubscriber) -> None:
        raise ConnectionError("gone")

    one = worker(broker.amqp_url, Hands())
    await one.start()
    await consuming(one)
    monkeypatch.setattr(RabbitSubscriber, "stop", fails)
    with pytest.raises(ExceptionGroup):
        await one.stop()
    monkeypatch.undo()

    async def all_are_gone() -> bool:
        return await consumers(broker) == 0

    await eventually(all_are_gone)
    assert not one.is_consuming


async def test_one_whose_connection_is_found_broken_while_it_stops_leaves_nothing(
    broker: Broker, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_cancelled(*_arguments: object, **_options: object) -> None:
        raise asyncio.CancelledError  # what aiormq does to those who wait for an answer then

    one = worker(broker.amqp_url, Hands())
    await one.start()
    await consuming(one)
    monkeypatch.setattr(RobustQueue, "cancel", is_cancelled)
    monkeypatch.setattr(RobustChannel, "close", is_cancelled)
    stopping = asyncio.create_task(one.stop())
    await asyncio.wait([stopping])
    assert not stopping.cancelled()
    assert stopping.exception() is None

    async def all_are_gone() -> bool:
        return await consumers(broker) == 0

    monkeypatch.undo()
    await eventually(all_are_gone)


async def test_one_that_is_stopped_while_the_broker_falls_silent_amid_the_start_leaves_nothing(
    broker: Broker, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens, made = RobustConnection.channel, list[RobustConnection]()
    monkeypatch.setattr(worker_module, "ATTEMPT_SECONDS", 0.5)
    address = URL(broker.amqp_url)
    async with TcpProxy(address.host or "", address.port or 0) as proxy:

        def falls_silent(connection: RobustConnection, *arguments: object, **options: object) -> AbstractChannel:
            proxy.faults = Faults(black_hole=True)
            made.append(connection)
            return opens(connection, *arguments, **options)  # type: ignore[arg-type]

        async def is_connected() -> bool:
            return bool(made)

        monkeypatch.setattr(RobustConnection, "channel", falls_silent)
        one = worker(str(address.with_host("127.0.0.1").with_port(proxy.port)), Hands())
        await one.start()
        await eventually(is_connected)
        await one.stop()
        # Else it would be restored for ever, also while the process waits for the end of everything that runs.
        assert [connection.close_called for connection in made] == [True]


async def test_one_whose_broker_does_not_answer_stops_within_its_time(
    broker: Broker, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "ATTEMPT_SECONDS", 0.5)
    address, hands = URL(broker.amqp_url), Hands()
    async with TcpProxy(address.host or "", address.port or 0) as proxy:
        one = worker(str(address.with_host("127.0.0.1").with_port(proxy.port)), hands, graceful_seconds=0.5)
        await one.start()
        await consuming(one)
        await send(broker, b"slow")
        await hands.have(b"slow")
        proxy.faults = Faults(black_hole=True)
        # Its three times are half a second each; the libraries' own deadline for closing a channel is ten.
        async with asyncio.timeout(8):
            await one.stop()
        hands.may_end.set()
