"""The way of a message through a real broker: handled, retried, dead-lettered, and never in its neighbours' way."""

import json
from uuid import uuid4

import aio_pika
import pytest

from aiops_common.messaging.message import Delivery, outgoing
from aiops_common.messaging.publisher import Publisher
from aiops_contracts.triage import TriageTicket
from integration.messaging.conftest import Handled
from support.eventually import eventually
from support.queues import channel, take
from support.servers import Broker


def ticket(title: str) -> TriageTicket:
    return TriageTicket(title=title, body="It does not work.")


async def send_as_gateway(broker: Broker, title: str) -> None:
    publisher = Publisher(broker.url_for("gateway"), name="test-gateway")
    await publisher.publish(
        outgoing(ticket(title), exchange="aiops.commands", source="aiops/gateway", principal="user:somebody")
    )
    await publisher.stop()


async def send_as_partner(broker: Broker, body: bytes, **properties: object) -> None:
    fields = {"content_type": "application/json", "user_id": "acme", "message_id": str(uuid4()), **properties}
    async with channel(broker.url_for("acme")) as opened:
        exchange = await opened.get_exchange("ingress.acme", ensure=False)
        await exchange.publish(aio_pika.Message(body, **fields), routing_key="triage.triage_ticket.v1")  # type: ignore[arg-type]


def envelope(**changes: object) -> bytes:
    document = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "acme/monitoring",
        "type": "triage.triage_ticket.v1",
        "time": "2026-01-01T00:00:00Z",
        "data": {"title": "From outside", "body": "b"},
    }
    return json.dumps({**document, **changes}).encode()


async def test_a_command_reaches_its_handler_with_the_principal_that_the_gateway_named(
    broker: Broker, handled: Handled
) -> None:
    await send_as_gateway(broker, "printer on fire")

    async def arrived() -> bool:
        return len(handled.deliveries) == 1

    await eventually(arrived)
    assert handled.deliveries[0].message.title == "printer on fire"
    assert handled.deliveries[0].principal == "user:somebody"
    assert handled.deliveries[0].attempt == 1


@pytest.mark.parametrize(
    "properties",
    [{}, {"user_id": None}, {"headers": {"x-aiops-principal": "user:admin"}}],
    ids=["plain", "amqp-publish", "lying"],
)
async def test_a_partner_is_who_may_write_to_its_exchange_whatever_its_headers_claim(
    broker: Broker, handled: Handled, properties: dict[str, object]
) -> None:
    await send_as_partner(broker, envelope(), **properties)

    async def arrived() -> bool:
        return len(handled.deliveries) == 1

    await eventually(arrived)
    assert handled.deliveries[0].principal == "partner:acme"


@pytest.mark.parametrize(
    ("body", "properties", "reason"),
    [
        (b'{"specversion": "1.0"', {}, "not_json"),
        (b"\xff\xfe", {}, "not_json"),
        (b"", {}, "not_json"),
        (envelope(data={"title": "t", "body": "\x00"}), {}, "bad_payload"),
        (envelope(id=None), {}, "bad_envelope"),
        (envelope(type="triage.triage_ticket.v9"), {}, "unsupported_type"),
        (envelope(), {"content_type": "text/plain"}, "content_type"),
        (b'{"a":' + b"9" * 6000 + b"}", {}, "not_json"),
        (b"[" * 200_000, {}, "not_json"),
    ],
)
async def test_poison_is_dead_at_the_first_attempt_and_its_neighbours_are_handled(
    broker: Broker, handled: Handled, body: bytes, properties: dict[str, object], reason: str
) -> None:
    await send_as_gateway(broker, "before")
    await send_as_partner(broker, body, **properties)
    await send_as_gateway(broker, "after")

    async def both_handled() -> bool:
        return sorted(d.message.title for d in handled.deliveries) == ["after", "before"]

    await eventually(both_handled)
    dead = await eventually(lambda: take(broker.amqp_url, "triage.dead"))
    assert dead.headers["x-aiops-reason"] == reason
    assert dead.headers["x-aiops-attempt"] == 1
    assert dead.body == body
    assert await take(broker.amqp_url, "triage.work") is None


async def test_a_failing_handler_is_tried_again_and_then_given_up(broker: Broker, handled: Handled) -> None:
    async def fail(_delivery: Delivery[TriageTicket]) -> None:
        raise RuntimeError("the password is hunter2, mail root@example.com")

    handled.behave = fail
    await send_as_gateway(broker, "hopeless")
    dead = await eventually(lambda: take(broker.amqp_url, "triage.dead"), seconds=30)
    assert [delivery.attempt for delivery in handled.deliveries] == [1, 2]
    assert dead.headers["x-aiops-reason"] == "attempts_spent"
    assert dead.headers["x-aiops-principal"] == "user:somebody"
    assert "root@example.com" not in str(dead.headers["x-aiops-error"])
    assert [failure.attempts for failure in handled.failures] == [2]


async def test_a_message_that_nobody_signed_is_poison(broker: Broker, handled: Handled) -> None:
    async with channel(broker.amqp_url) as opened:
        exchange = await opened.get_exchange("aiops.commands", ensure=False)
        message = aio_pika.Message(envelope(), content_type="application/json")
        await exchange.publish(message, routing_key="triage.triage_ticket.v1")
    dead = await eventually(lambda: take(broker.amqp_url, "triage.dead"))
    assert dead.headers["x-aiops-reason"] == "no_user_id"
    assert handled.deliveries == []
