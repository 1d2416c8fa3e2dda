"""What a sender may write around a message: none of it is obeyed, and what is good in itself is done."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial as bound
from typing import Any
from uuid import UUID, uuid4

import aiormq
import pytest

from aiops_common.messaging.names import (
    ATTEMPT_HEADER,
    DEAD_ID_HEADER,
    LOST_HEADER,
    PRINCIPAL_HEADER,
    QUEUE_HEADER,
    REASON_HEADER,
    TYPE_HEADER,
    WAITING_SINCE_HEADER,
)
from support import triage_rows
from support.dead_letters import next_dead
from support.eventually import eventually
from support.graphql import GraphqlClient
from support.ledger import Accepted, Ledger
from support.queues import channel, take
from support.sending import Raw, cloud_event, own_user, partner
from support.stack import RunningStack

ADMINISTRATOR = "user:00000000-0000-0000-0000-000000000001"
OTHERS = ("summarizer.work", "changelog.work", "gateway.events", "triage.requests", "auth.requests", "unrouted")
OTHERS_DEAD = ("summarizer.dead", "changelog.dead", "gateway.dead")


@asynccontextmanager
async def victim(stack: RunningStack) -> AsyncIterator[str]:
    """A queue that nobody but its owner has any business with."""
    name = f"victim.{uuid4()}"
    async with channel(stack.amqp_url) as opened:
        queue = await opened.declare_queue(name, durable=True)
        try:
            yield name
        finally:
            await queue.delete(if_empty=False)


async def done_with_neighbours(
    stack: RunningStack, ledger: Ledger, properties: dict[str, Any]
) -> dict[UUID, triage_rows.Ticket]:
    """Send a good message with ``properties`` amid two others; all three, the one in question first."""
    before, one, after = (uuid4() for _ in range(3))
    await partner(stack).send(
        cloud_event("Before", identity=before),
        Raw(cloud_event("In question", identity=one), {"message_id": str(one), **properties}),
        cloud_event("After", identity=after),
    )
    done = await triage_rows.all_done(stack, (before, one, after))
    assert {row.told for row in done.values()} == {(1,)}
    balance = (await ledger.balance(Accepted("Ticket", identity) for identity in done)).check()
    assert balance.counts == {"completed": 3}
    assert await take(stack.amqp_url, "triage.dead") is None
    return {identity: done[identity] for identity in (one, before, after)}


@pytest.mark.parametrize("body", ["good", "bad"])
async def test_hostile_reply_to(stack: RunningStack, admin: GraphqlClient, ledger: Ledger, body: str) -> None:
    async with victim(stack) as queue:
        for address in (queue, "no-such-queue", "x" * 255):
            asked = {"reply_to": address, "correlation_id": "1"}
            if body == "good":
                await done_with_neighbours(stack, ledger, asked)
            else:
                await partner(stack).send(Raw(b"no JSON", asked))
                letter = await next_dead(stack)
                assert (letter.headers[REASON_HEADER], letter.reply_to) == ("not_json", None)
        await done_with_neighbours(stack, ledger, {})
        assert await take(stack.amqp_url, queue) is None


async def test_hostile_reply_to_of_a_request(stack: RunningStack, admin: GraphqlClient, ledger: Ledger) -> None:
    request = cloud_event("", type="triage.update_ticket_status.v1")
    async with victim(stack) as queue, channel(own_user(stack, "auth").url) as opened:
        for address in (queue, "triage.work", ""):
            message = Raw(request, {"reply_to": address, "correlation_id": "1"}, "triage.requests")
            await opened.default_exchange.publish(own_user(stack, "auth").written(message), "triage.requests")
        await eventually(bound(is_empty, stack, "triage.requests"))
        await done_with_neighbours(stack, ledger, {})
        assert await take(stack.amqp_url, queue) is None


async def is_empty(stack: RunningStack, queue: str) -> bool:
    return (await stack.lengths(queue))[queue] == 0


@pytest.mark.parametrize(
    "value",
    [5, None, bytearray(b"\xff"), {"a": 1}, ["x"], True, 1.5, "x" * 10_000],
    ids=["integer", "nothing", "bytes", "table", "list", "boolean", "double", "no trace"],
)
async def test_non_string_trace_headers(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger, value: object
) -> None:
    headers = {"traceparent": value, "tracestate": value, "baggage": value}
    done = await done_with_neighbours(stack, ledger, {"headers": headers})
    traces = [row.trace_id for row in done.values()]
    assert all(trace and len(trace) == 32 and int(trace, 16) for trace in traces)
    assert len(set(traces)) == 3


@pytest.mark.parametrize("header", ["CC", "BCC"])
async def test_cc_and_bcc(stack: RunningStack, admin: GraphqlClient, ledger: Ledger, header: str) -> None:
    keys = ["changelog.generate_changelog.v1", "gateway.events", "triage.requests", "summarizer.dead"]
    copies = {"headers": {header: [*keys, "summarizer.retry.5s"]}}
    await done_with_neighbours(stack, ledger, copies)
    await partner(stack).send(Raw(b"no JSON", copies))
    letter = await next_dead(stack)
    assert letter.headers[REASON_HEADER] == "not_json"
    assert header not in letter.headers
    assert await stack.lengths(*OTHERS, *OTHERS_DEAD) == dict.fromkeys((*OTHERS, *OTHERS_DEAD), 0)


async def test_cc_to_a_type_that_the_partner_may_send(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    # The copy reaches the other service, as a message of its own would; what it says is not for that service.
    await done_with_neighbours(stack, ledger, {"headers": {"CC": ["summarizer.summarize_log.v1"]}})
    letter = await next_dead(stack, "summarizer.dead")
    assert (letter.headers[REASON_HEADER], letter.headers[PRINCIPAL_HEADER]) == ("unsupported_type", "partner:acme")
    assert await take(stack.amqp_url, "summarizer.dead") is None


@pytest.mark.parametrize(("user", "exchange"), [("acme", "ingress.acme"), ("triage", "aiops.events")])
@pytest.mark.parametrize("claimed", ["gateway", "administrator", "operator"])
async def test_spoofed_user_id(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger, user: str, exchange: str, claimed: str
) -> None:
    who = partner(stack) if user == "acme" else own_user(stack, user, exchange)
    spoofed = uuid4()
    with pytest.raises(aiormq.exceptions.ChannelPreconditionFailed, match="user_id"):
        await who.send(Raw(cloud_event("Spoofed", identity=spoofed), {"user_id": claimed}))
    await done_with_neighbours(stack, ledger, {})
    assert await triage_rows.tickets(stack, [spoofed]) == {}
    queues = ("triage.work", "triage.dead", "gateway.events", "unrouted")
    assert await stack.lengths(*queues) == dict.fromkeys(queues, 0)


@pytest.mark.parametrize("exchange", ["aiops.commands", "aiops.events", "aiops.retry", "aiops.dead", "amq.topic"])
async def test_a_partner_cannot_write_anywhere_else(stack: RunningStack, exchange: str) -> None:
    refused = uuid4()
    with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
        await partner(stack).send_to(exchange, [cloud_event("Elsewhere", identity=refused)])
    assert await stack.lengths("triage.work", "triage.dead") == {"triage.work": 0, "triage.dead": 0}
    assert await triage_rows.tickets(stack, [refused]) == {}


async def test_forged_role(stack: RunningStack, admin: GraphqlClient, ledger: Ledger) -> None:
    forged = {PRINCIPAL_HEADER: ADMINISTRATOR, "x-aiops-role": "ADMIN", "role": "ADMIN", "x-aiops-tenant": "other"}
    done = await done_with_neighbours(stack, ledger, {"headers": forged, "app_id": "gateway"})
    assert {row.source for row in done.values()} == {"partner:acme"}
    data = {"title": "In the body", "body": "b", "role": "ADMIN", "principal": ADMINISTRATOR, "tenant": "other"}
    identity = uuid4()
    await partner(stack).send(cloud_event("", identity=identity, data=data, source="aiops/gateway", role="ADMIN"))
    assert (await triage_rows.all_done(stack, [identity]))[identity].source == "partner:acme"
    await partner(stack).send(Raw(b"no JSON", {"headers": forged}))
    letter = await next_dead(stack)
    assert letter.headers[PRINCIPAL_HEADER] == "partner:acme"
    assert not any("role" in name or "tenant" in name for name in letter.headers)


FORGED = {
    ATTEMPT_HEADER: 99,
    WAITING_SINCE_HEADER: 1,
    LOST_HEADER: 99,
    "x-delivery-count": 99,
    # As RabbitMQ writes it; a message that has it already would be dropped as a cycle where its retry ends.
    "x-death": [
        {"count": 1, "exchange": "aiops.retry", "queue": queue, "reason": "expired", "routing-keys": [queue]}
        for queue in ("triage.retry.5s", "triage.work")
    ],
    "x-first-death-queue": "triage.retry.5s",
    "x-first-death-reason": "expired",
}


async def test_forged_attempts_and_waits(stack: RunningStack, admin: GraphqlClient, ledger: Ledger) -> None:
    """A message that fails once is tried again, whatever it claims to have been through."""
    identity, title = uuid4(), f"Fails once {uuid4()}"
    forged = Raw(cloud_event(title, identity=identity), {"message_id": str(identity), "headers": FORGED})
    async with triage_rows.refusing(stack, title):
        await partner(stack).send(forged)
        await eventually(bound(waits_for_its_second_attempt, stack))
    done = await triage_rows.all_done(stack, [identity])
    assert done[identity].told == (1,)
    assert (await ledger.balance([Accepted("Ticket", identity)])).check().counts == {"completed": 1}
    assert await take(stack.amqp_url, "triage.dead") is None


async def waits_for_its_second_attempt(stack: RunningStack) -> bool:
    return (await stack.lengths("triage.retry.5s"))["triage.retry.5s"] == 1


async def test_forged_past_of_a_dead_letter(stack: RunningStack, admin: GraphqlClient, ledger: Ledger) -> None:
    own = {DEAD_ID_HEADER: "mine", QUEUE_HEADER: "auth.requests", TYPE_HEADER: "auth.log_in.v1", REASON_HEADER: "fine"}
    await partner(stack).send(Raw(b"no JSON", {"headers": {**FORGED, **own}}))
    letter = await next_dead(stack)
    told = letter.headers
    assert (told[REASON_HEADER], told[ATTEMPT_HEADER], told[QUEUE_HEADER]) == ("not_json", 1, "triage.work")
    assert told[TYPE_HEADER] == "triage.triage_ticket.v1"
    assert UUID(str(told[DEAD_ID_HEADER]))
    assert told.keys().isdisjoint({WAITING_SINCE_HEADER, "x-death", "x-first-death-queue"})
    await done_with_neighbours(stack, ledger, {})
