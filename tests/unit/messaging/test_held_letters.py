"""How letters are taken off a queue: in as few words as the protocol allows."""

from dataclasses import dataclass, field
from typing import cast

from aio_pika.abc import AbstractIncomingMessage

from aiops_common.messaging.connection import BrokerConnection
from aiops_common.messaging.deadletter.held import Held


@dataclass
class Letter:
    """A message that was delivered and notes how it was acknowledged."""

    delivery_tag: int
    said: list[tuple[int, bool]]
    channel: object = field(default_factory=object)

    async def ack(self, multiple: bool = False) -> None:
        """Note it."""
        self.said.append((self.delivery_tag, multiple))


async def acknowledged(*batches: range) -> list[tuple[int, bool]]:
    """What is said to the broker where these deliveries of one channel are acknowledged, batch by batch."""
    said: list[tuple[int, bool]] = []
    channel = object()
    hold = Held(BrokerConnection("amqp://nobody@127.0.0.1:1/", name="test"), "changelog.dead", lambda _: None)
    for batch in batches:
        await hold.acknowledge(*(cast(AbstractIncomingMessage, Letter(tag, said, channel)) for tag in batch))
    return said


async def test_each_batch_is_acknowledged_in_one_word() -> None:
    assert await acknowledged(range(1, 51), range(51, 101), range(101, 151)) == [(50, True), (100, True), (150, True)]


async def test_what_is_not_meant_is_never_acknowledged() -> None:
    assert await acknowledged(range(1, 4), range(5, 7)) == [(3, True), (5, False), (6, False)]


async def test_what_closes_a_gap_covers_what_was_said_before() -> None:
    assert await acknowledged(range(2, 4), range(1, 2), range(4, 5)) == [(2, False), (3, False), (1, True), (4, True)]
