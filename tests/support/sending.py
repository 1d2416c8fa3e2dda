"""Messages as a test puts them on the broker: byte for byte, as a partner or as one of the project's own users."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import aio_pika

from support.queues import channel
from support.servers import PARTNER
from support.stack import RunningStack

TICKET = "triage.triage_ticket.v1"


def cloud_event(title: str, *, identity: UUID | None = None, **changes: Any) -> bytes:
    """The command to triage a ticket as its sender writes it; an attribute that is changed to None is left out."""
    document = {
        "specversion": "1.0",
        "id": str(identity or uuid4()),
        "source": "test/sender",
        "type": TICKET,
        "time": datetime.now(UTC).isoformat(),
        "data": {"title": title, "body": "It does not work."},
        **changes,
    }
    return json.dumps({name: value for name, value in document.items() if value is not None}).encode()


@dataclass(frozen=True, slots=True)
class Raw:
    """One message: a body, and the AMQP properties that differ from those of a well-behaved sender."""

    body: bytes = field(repr=False)
    properties: dict[str, Any] = field(default_factory=dict)
    routing_key: str = TICKET


@dataclass(frozen=True, slots=True)
class Sender:
    """Somebody who may publish to ``exchange``: ``user`` of the broker, reached at ``url``."""

    user: str
    url: str = field(repr=False)
    exchange: str

    async def send(self, *messages: Raw | bytes) -> None:
        """Publish in this order; returns when the broker has confirmed each.

        Raises:
            aiormq.exceptions.ChannelPreconditionFailed: the broker refuses a property.
        """
        await self.send_to(self.exchange, messages)

    async def send_to(self, exchange: str, messages: Sequence[Raw | bytes]) -> None:
        """As ``send``, to another exchange."""
        async with channel(self.url) as opened:
            target = await opened.get_exchange(exchange, ensure=False)
            for message in messages:
                one = message if isinstance(message, Raw) else Raw(message)
                await target.publish(self.written(one), routing_key=one.routing_key, timeout=60)

    def written(self, one: Raw) -> aio_pika.Message:
        """As it goes onto the wire."""
        properties = {
            "content_type": "application/json",
            "delivery_mode": aio_pika.DeliveryMode.PERSISTENT,
            "message_id": str(uuid4()),
            "type": one.routing_key,
            "user_id": self.user,
            **one.properties,
        }
        return aio_pika.Message(one.body, **properties)


def partner(stack: RunningStack) -> Sender:
    """The outside publisher that the topology admits."""
    return Sender(PARTNER, stack.environment["PARTNER_AMQP_URL"], stack.environment["PARTNER_EXCHANGE"])


def own_user(stack: RunningStack, name: str, exchange: str = "aiops.commands") -> Sender:
    """One of the project's own services."""
    password = stack.stack.services.credentials[f"rabbitmq:{name}"]
    return Sender(name, stack.stack.rabbitmq.url_for(name, password), exchange)
