"""Deliveries and a publisher without a broker: what was done with a message is written down, in order."""

from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from aiops_common.messaging.publisher import Publisher


@dataclass(slots=True)
class FakeChannel:
    """The channel of a delivery; once it is closed, the delivery belongs to somebody else."""

    is_closed: bool = False


@dataclass(slots=True)
class FakeIncoming:
    """A delivery with the members that are read of one; ``journal`` is shared with the publisher."""

    body: bytes
    journal: list[str] = field(default_factory=list)
    headers: dict[str, Any] = field(default_factory=dict)
    user_id: str | None = "gateway"
    content_type: str | None = "application/json"
    exchange: str | None = "aiops.commands"
    routing_key: str | None = "shop.do.v1"
    message_id: str | None = str(UUID(int=1))
    type: str | None = "shop.do.v1"
    reply_to: str | None = None
    correlation_id: str | None = None
    redelivered: bool = False
    delivery_tag: int | None = 1
    channel: FakeChannel = field(default_factory=FakeChannel)

    async def ack(self) -> None:
        """Settled."""
        self.journal.append("ack")

    async def reject(self, requeue: bool = False) -> None:
        """Given back."""
        self.journal.append(f"reject requeue={requeue}")

    @property
    def raw(self) -> AbstractIncomingMessage:
        """Typed as the real thing."""
        return cast(AbstractIncomingMessage, self)


@dataclass(frozen=True, slots=True)
class Sent:
    """What the publisher was asked to send."""

    exchange: str
    routing_key: str
    message: aio_pika.Message

    @property
    def headers(self) -> dict[str, Any]:
        """The headers of the message."""
        return dict(self.message.headers)


class FakePublisher(Publisher):
    """Keeps what it is given; with ``failure`` it raises that instead, as if the broker were away, and with
    ``failures`` each of them once."""

    def __init__(self, journal: list[str] | None = None) -> None:
        super().__init__("amqp://shop@localhost/", name="test")
        self.journal = journal if journal is not None else []
        self.sent: list[Sent] = []
        self.failure: Exception | None = None
        self.failures: list[Exception] = []

    async def send(self, message: aio_pika.Message, *, exchange: str, routing_key: str, mandatory: bool = True) -> None:
        """Keep the message."""
        if self.failure is not None:
            raise self.failure
        if self.failures:
            raise self.failures.pop(0)
        self.journal.append(f"publish {routing_key}")
        self.sent.append(Sent(exchange, routing_key, message))
