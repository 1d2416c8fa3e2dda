"""Publishing to a real broker: what returns without an exception has arrived."""

import asyncio

import aio_pika

from aiops_common.messaging.publisher import BrokerUnavailable, Publisher, Unroutable
from support.servers import Broker


async def test_of_two_that_nobody_takes_under_one_id_none_counts_as_sent(broker: Broker) -> None:
    publisher = Publisher(broker.url_for("gateway"), name="test-same-id")

    async def send() -> bool:
        try:
            await publisher.send(
                aio_pika.Message(b"x", message_id="the same"), exchange="aiops.commands", routing_key="nobody.v1"
            )
        except Unroutable:
            return False
        return True

    try:
        assert await asyncio.gather(*(send() for _ in range(20))) == [False] * 20
    finally:
        await publisher.stop()


async def test_those_who_wait_for_a_connection_fail_together(unused_tcp_port: int) -> None:
    async def never(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer)  # and no answer: the connection attempt ends at its deadline

    seen: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(never, "127.0.0.1", unused_tcp_port)
    publisher = Publisher(f"amqp://guest:guest@127.0.0.1:{unused_tcp_port}/", name="test-waiting")
    message = aio_pika.Message(b"x")
    sending = [publisher.send(message, exchange="aiops.commands", routing_key="nobody.v1") for _ in range(10)]
    outcomes = await asyncio.gather(*sending, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {BrokerUnavailable}
    assert len(seen) == 1
    for writer in seen:
        writer.close()
    server.close()
