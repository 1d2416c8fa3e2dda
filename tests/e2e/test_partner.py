"""An outside service that publishes straight onto the broker."""

import json
from datetime import UTC, datetime
from uuid import uuid4

import aio_pika
import orjson
from aio_pika.abc import AbstractIncomingMessage

from e2e import documents
from support.eventually import eventually
from support.graphql import GraphqlClient, Json
from support.queues import channel, purge, take
from support.stack import RunningStack

TICKET = "triage.triage_ticket.v1"


def event(title: str, kind: str = TICKET) -> bytes:
    document = {
        "specversion": "1.0", "id": str(uuid4()), "source": "acme/monitoring", "type": kind,
        "time": datetime.now(UTC).isoformat(), "data": {"title": title, "body": "From outside"},
    }  # fmt: skip
    return json.dumps(document).encode()


async def publish(stack: RunningStack, *bodies: bytes, kind: str = TICKET) -> None:
    async with channel(stack.environment["PARTNER_AMQP_URL"]) as opened:
        exchange = await opened.get_exchange(stack.environment["PARTNER_EXCHANGE"], ensure=False)
        for body in bodies:
            message = aio_pika.Message(
                body, content_type="application/json", message_id=str(uuid4()), type=kind, user_id="acme"
            )
            await exchange.publish(message, routing_key=kind)


async def arrived(stack: RunningStack, queue: str) -> AbstractIncomingMessage:
    """The next message of the queue, removed."""
    message = await eventually(lambda: take(stack.amqp_url, queue))
    assert message is not None
    return message


async def done(client: GraphqlClient, title: str) -> Json:
    async def look() -> list[Json]:
        asked = {"text": title, "state": "SUCCEEDED"}
        found: list[Json] = (await client.execute(documents.TICKETS, filter=asked))["tickets"]["nodes"]
        return found

    (ticket,) = await eventually(look)
    return ticket


async def test_a_command_of_a_partner_becomes_a_ticket_of_that_partner(
    stack: RunningStack, admin: GraphqlClient
) -> None:
    await publish(stack, event("Of the partner"))
    ticket = await done(admin, "Of the partner")
    assert (ticket["source"], ticket["body"], ticket["version"]) == ("partner:acme", "From outside", 1)
    assert ticket["triage"]["provenance"]["engine"] == "BUILTIN"


async def test_a_partner_that_says_it_redacted_is_not_believed(stack: RunningStack, admin: GraphqlClient) -> None:
    claim = orjson.loads(event("Redacted, they say"))
    claim["data"] |= {"body": "write to jane.doe@example.org", "redacted": True}
    await publish(stack, orjson.dumps(claim))
    assert "jane.doe@example.org" not in (await done(admin, "Redacted, they say"))["body"]


async def test_a_type_that_was_not_granted_goes_where_an_operator_finds_it(stack: RunningStack) -> None:
    await purge(stack.amqp_url, "unrouted")
    kind = "changelog.generate_changelog.v1"
    await publish(stack, event("Not granted", kind), kind=kind)
    found = await arrived(stack, "unrouted")
    assert (found.routing_key, found.user_id) == (kind, "acme")
    assert await stack.lengths("changelog.work", "changelog.dead") == {"changelog.work": 0, "changelog.dead": 0}


async def test_poison_is_set_aside_and_its_neighbours_are_processed(stack: RunningStack, admin: GraphqlClient) -> None:
    await purge(stack.amqp_url, "triage.dead")
    nul = orjson.loads(event("Poison"))
    nul["data"]["body"] = "a\x00b"
    await publish(
        stack, event("Before poison"), b'{"specversion": "1.0"', json.dumps(nul).encode(), event("After poison")
    )
    await done(admin, "Before poison")
    await done(admin, "After poison")
    dead = [await arrived(stack, "triage.dead") for _ in range(2)]
    assert sorted(str(letter.headers["x-aiops-reason"]) for letter in dead) == ["bad_payload", "not_json"]
    assert [letter.headers["x-aiops-attempt"] for letter in dead] == [1, 1]
    assert await stack.lengths("triage.work", "triage.dead") == {"triage.work": 0, "triage.dead": 0}
