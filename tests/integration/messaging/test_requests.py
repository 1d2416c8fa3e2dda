"""Request and reply through a real broker."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from aiops_common.messaging.message import Delivery
from aiops_common.messaging.publisher import Publisher
from aiops_common.messaging.requests import NoReply, Requester, RequestHandler, Responder
from aiops_common.messaging.worker import Worker
from aiops_contracts.triage import TicketStatus, TicketStatusReply, UpdateTicketStatus
from support.queues import channel, take
from support.servers import Broker


def request(version: int = 1) -> UpdateTicketStatus:
    return UpdateTicketStatus(
        ticket_id=uuid4(), status=TicketStatus.CLOSED, expected_version=version, changed_by=uuid4()
    )


async def answer(delivery: Delivery[Any]) -> TicketStatusReply:
    if delivery.message.expected_version < 0:
        raise RuntimeError("a secret that must not travel")
    await asyncio.sleep(0.01 * (delivery.message.expected_version % 5))
    allowed = (TicketStatus.OPEN,) * delivery.message.expected_version
    return TicketStatusReply(outcome="INVALID_TRANSITION", allowed=allowed)


@pytest.fixture
async def responder(broker: Broker) -> AsyncIterator[None]:
    publisher = Publisher(broker.url_for("triage"), name="test-responder")
    handlers = {UpdateTicketStatus.message_type: RequestHandler(UpdateTicketStatus, answer)}
    responder = Responder(owner="triage", handlers=handlers, publisher=publisher, trusted_users=frozenset({"gateway"}))
    worker = Worker(broker.url_for("triage"), name="test-responder", graceful_seconds=2)
    worker.subscribe("triage.requests", responder.process, prefetch=50)
    await worker.start()
    yield
    await worker.stop()
    await publisher.stop()


@pytest.fixture
async def requester(broker: Broker) -> AsyncIterator[Requester]:
    requester = Requester(broker.url_for("gateway"), name="test-requester", deadline_seconds=5)
    yield requester
    await requester.stop()


async def test_fifty_at_once_each_get_their_own_answer(responder: None, requester: Requester) -> None:
    asked = [requester.ask("triage", request(n), TicketStatusReply, principal="user:x") for n in range(50)]
    assert [len(reply.allowed) for reply in await asyncio.gather(*asked)] == list(range(50))


async def test_a_fault_of_the_owner_is_told_without_its_text(responder: None, requester: Requester) -> None:
    with pytest.raises(NoReply) as told:
        await requester.ask("triage", request(-1), TicketStatusReply, principal="user:x")
    assert "RuntimeError" in str(told.value)
    assert "secret" not in str(told.value)


async def test_nobody_there_is_no_reply_and_the_question_does_not_stay(broker: Broker) -> None:
    requester = Requester(broker.url_for("gateway"), name="test-requester", deadline_seconds=0.5)
    with pytest.raises(NoReply):
        await requester.ask("triage", request(), TicketStatusReply, principal="user:x")
    await requester.stop()
    await asyncio.sleep(0.1)
    assert await take(broker.amqp_url, "triage.requests") is None


async def test_asking_goes_on_after_the_connection_was_closed(
    responder: None, requester: Requester, broker: Broker
) -> None:
    await requester.ask("triage", request(), TicketStatusReply, principal="user:x")
    await requester.stop()
    reply = await requester.ask("triage", request(3), TicketStatusReply, principal="user:x")
    assert len(reply.allowed) == 3


async def test_a_partner_cannot_ask(broker: Broker) -> None:
    import aio_pika  # noqa: PLC0415

    async with channel(broker.url_for("acme")) as opened:
        with pytest.raises(aio_pika.exceptions.ChannelClosed, match="ACCESS_REFUSED"):
            await opened.default_exchange.publish(aio_pika.Message(b"{}"), routing_key="triage.requests")
