"""Dead letters through the API: an administrator finds them, sends them back, and it is on record."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import aio_pika
import orjson
import pytest
from aio_pika.abc import AbstractIncomingMessage

from aiops_common.messaging.names import QUEUE_HEADER, REASON_HEADER
from aiops_local.services import SERVICES
from e2e import documents
from support import triage_rows
from support.eventually import eventually
from support.graphql import GraphqlClient, Json, code_of, user_error_codes
from support.queues import channel, purge
from support.sending import TICKET, partner
from support.stack import RunningStack

QUEUE = "triage.dead"
DEAD = tuple(f"{service}.dead" for service in SERVICES)
PERSONAL = "jane.doe@example.org"
NODE = "query($id: ID!) { node(id: $id) { id } }"


@pytest.fixture(autouse=True)
async def empty(stack: RunningStack) -> AsyncIterator[None]:
    """Nothing is dead before a test, and nothing after one, however it ended."""
    await purge(stack.amqp_url, *DEAD)
    yield
    await purge(stack.amqp_url, *DEAD)


async def the_letter(client: GraphqlClient, *, but: str = "") -> Json:
    """The only dead letter, once there is one whose id is not ``but``."""

    async def look() -> list[Json]:
        listed = (await client.execute(documents.DEAD_LETTERS, queue=QUEUE))["deadLetters"]
        return [letter for letter in listed["nodes"] if letter["id"] != but]

    (letter,) = await eventually(look)
    return letter


async def replay(client: GraphqlClient, *ids: str, queue: str = QUEUE) -> Json:
    """The payload of a replay; of all of the queue, without ids."""
    asked = {"queue": queue, "ids": list(ids) or None}
    payload: Json = (await client.execute(documents.REPLAY_DEAD_LETTERS, input=asked))["replayDeadLetters"]
    return payload


async def audit_log(stack: RunningStack) -> list[dict[str, Any]]:
    """Every attempt, oldest first, the details beside the outcome."""
    async with triage_rows.database(stack) as connection:
        rows = await connection.fetch(
            "SELECT outcome, trace_id, details FROM gateway.audit_log WHERE action = 'replayDeadLetters' "
            "ORDER BY at, id"
        )
    return [{**row, **orjson.loads(row["details"])} for row in rows]


async def test_poison_is_found_and_dies_again_when_it_is_sent_back(stack: RunningStack, admin: GraphqlClient) -> None:
    await partner(stack).send(f'{{"specversion": "1.0", "of": "{PERSONAL}"'.encode())
    letter = await the_letter(admin)
    assert [letter[name] for name in ("queue", "messageType", "reason", "attempts")] == [QUEUE, TICKET, "not_json", 1]
    assert letter["messageId"]
    assert letter["error"]
    assert '"specversion": "1.0"' in letter["body"]
    assert PERSONAL not in str(letter)
    assert (await admin.execute(NODE, id=letter["id"]))["node"] == {"id": letter["id"]}
    assert await replay(admin, letter["id"]) == {"replayed": 1, "userErrors": []}
    again = await the_letter(admin, but=letter["id"])
    assert again["deadAt"] > letter["deadAt"]
    same = ("messageId", "messageType", "reason", "attempts", "body")
    assert [again[name] for name in same] == [letter[name] for name in same]
    assert (await admin.execute(NODE, id=letter["id"]))["node"] is None
    assert user_error_codes(await replay(admin, again["id"], letter["id"])) == [("NOT_FOUND", ("ids", "1"))]
    listed = (await admin.execute(documents.DEAD_LETTERS))["deadLetters"]
    assert (listed["totalCount"], [one["id"] for one in listed["nodes"]]) == (1, [again["id"]])


async def test_only_administrators_see_dead_letters_and_send_them_back(
    stack: RunningStack, people: dict[str, GraphqlClient]
) -> None:
    await partner(stack).send(b"not json")
    letter = await the_letter(people["ADMIN"])
    before = await audit_log(stack)
    for role in ("OPS", "HR", "VIEWER"):
        somebody = people[role]
        assert await code_of(somebody, documents.DEAD_LETTERS) == "FORBIDDEN"
        asked = {"queue": QUEUE, "ids": [letter["id"]]}
        assert await code_of(somebody, documents.REPLAY_DEAD_LETTERS, input=asked) == "FORBIDDEN"
        assert (await somebody.execute(NODE, id=letter["id"]))["node"] is None
    assert await code_of(stack.visitor, documents.DEAD_LETTERS) == "UNAUTHENTICATED"
    assert (await the_letter(people["ADMIN"]))["id"] == letter["id"]
    refused = (await audit_log(stack))[len(before) :]
    assert [row["outcome"] for row in refused] == ["FORBIDDEN"] * 3
    said = stack.stack.processes.last_lines("gateway", 200)
    assert sum('"event":"audit"' in line and '"FORBIDDEN"' in line for line in said.splitlines()) >= 3


async def test_attempts_of_administrators_are_on_record(stack: RunningStack, admin: GraphqlClient) -> None:
    await partner(stack).send(PERSONAL.encode())
    letter = await the_letter(admin)
    before = len(await audit_log(stack))
    assert user_error_codes(await replay(admin, "nonsense")) == [("NOT_FOUND", ("ids", "0"))]
    assert user_error_codes(await replay(admin, queue=PERSONAL)) == [("INVALID_INPUT", ("queue",))]
    assert await code_of(admin, documents.DEAD_LETTERS, queue="triage.work") == "BAD_USER_INPUT"
    assert (await replay(admin, letter["id"]))["replayed"] == 1
    rows = (await audit_log(stack))[before:]
    assert [(row["outcome"], row["queue"], row["replayed"]) for row in rows] == [
        ("REFUSED", QUEUE, 0), ("REFUSED", None, 0), ("REPLAYED", QUEUE, 1),
    ]  # fmt: skip
    assert all(len(row["trace_id"]) == 32 for row in rows)
    assert PERSONAL not in str(rows)


async def test_what_can_be_done_by_now_is_done_once(stack: RunningStack, admin: GraphqlClient) -> None:
    await stack.kill("triage")
    try:
        ticket = await documents.submit(admin, documents.TRIAGE_TICKET, title="Back from the dead", body="b")
        command = await eventually(lambda: reject(stack, "triage.work"))
        letter = await the_letter(admin)
        assert (letter["messageId"], letter["reason"]) == (command.message_id, "rejected")
    finally:
        await stack.serve("triage")
    assert await replay(admin) == {"replayed": 1, "userErrors": []}
    done = await documents.settled(admin, documents.WATCH_TICKET, ticket)
    assert (done["state"], done["version"]) == ("SUCCEEDED", 1)

    await bury(stack, command)  # as if the copy had been confirmed and the letter not been acknowledged
    assert (await replay(admin, (await the_letter(admin))["id"]))["replayed"] == 1
    await documents.triaged(admin, title="Behind the copy", body="b")
    assert await stack.lengths("triage.work", QUEUE) == {"triage.work": 0, QUEUE: 0}
    row = (await triage_rows.tickets(stack, [UUID(command.message_id)]))[UUID(command.message_id)]
    assert (row.state, row.version, row.told) == ("SUCCEEDED", 1, (1,))
    assert (await admin.execute(documents.GET_TICKET, id=ticket["id"]))["ticket"] == done


async def reject(stack: RunningStack, queue: str) -> AbstractIncomingMessage | None:
    """Have the broker dead-letter the first message of the queue; None where it is empty."""
    async with channel(stack.amqp_url) as opened:
        found = await (await opened.get_queue(queue, ensure=False)).get(fail=False)
        if found is not None:
            await found.reject(requeue=False)
        return found


async def bury(stack: RunningStack, message: AbstractIncomingMessage) -> None:
    """Put a copy of the message among the dead letters, as a consumer does."""
    headers = {**message.headers, QUEUE_HEADER: "triage.work", REASON_HEADER: "given_up"}
    copy = aio_pika.Message(
        message.body, headers=headers, content_type=message.content_type, message_id=message.message_id,
        type=message.type, delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )  # fmt: skip
    async with channel(stack.amqp_url) as opened:
        await opened.default_exchange.publish(copy, routing_key=QUEUE)
