"""LLM_WHEN_OPEN=defer: work waits for the model without spending an attempt, and not beyond its deadline."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from functools import partial
from uuid import UUID, uuid4

import aio_pika
import pytest

from aiops_common.messaging.names import (
    ATTEMPT_HEADER,
    ERROR_CLASS_HEADER,
    REASON_HEADER,
    WAITING_SINCE_HEADER,
    retry_queue,
)
from aiops_gateway.graphql.ids import to_global_id
from e2e import documents
from support.dead_letters import next_dead
from support.engines import LOG, TICKET, asking, finished, provenance
from support.eventually import eventually
from support.graphql import GraphqlClient, Json
from support.handing_in import ids_of
from support.ledger import Accepted, Ledger
from support.sending import Raw, cloud_event, partner
from support.stack import RunningStack
from support.workers import ScriptedModel

pytestmark = pytest.mark.timeout(300)  # starting the stack for the first of them included

COMMAND = "summarizer.summarize_log.v1"
LOGS = 3
DEFERRALS = 3
COPIES = 30
DEADLINE_SECONDS = 6
RETRY_AFTER_SECONDS = 3

SERVER_ERROR = {"kind": "status", "status": 500}


@pytest.fixture(scope="module")
async def model(stack: RunningStack) -> AsyncIterator[ScriptedModel]:
    settings = {
        "LLM_WHEN_OPEN": "defer",
        "LLM_BREAKER_FAILURES": "1",
        "LLM_BREAKER_RESET_SECONDS": "4",
        "TRIAGE_DEADLINE_SECONDS": str(DEADLINE_SECONDS),
    }
    async with asking(stack, "summarizer", "triage", **settings) as running:
        yield running


async def deliveries(stack: RunningStack, ids: Collection[UUID]) -> dict[UUID, list[int]]:
    """For each message the attempts as which it was processed, one entry for each delivery that has ended."""
    found: dict[UUID, list[int]] = {one: [] for one in ids}
    for span in await asyncio.to_thread(stack.spans):
        told = span["attributes"]
        if span["name"] == f"process {COMMAND}":
            identity = UUID(told["messaging.message.id"])
            if identity in found:
                found[identity].append(told["aiops.attempt"])
    return found


async def waiting_headers(stack: RunningStack, queue: str) -> dict[str, object]:
    """The headers of the message that waits longest in ``queue``; none where it is empty."""
    connection = await aio_pika.connect(stack.amqp_url)
    async with connection:
        channel = await connection.channel()
        message = await (await channel.get_queue(queue, ensure=False)).get(no_ack=False, fail=False)
        return {} if message is None else dict(message.headers)  # closing the channel puts it back


async def log_entry(client: GraphqlClient, identity: UUID) -> Json:
    """A log as readers see it."""
    found = await client.execute(documents.GET_LOG_ENTRY, id=to_global_id("LogEntry", identity))
    entry: Json = found["logEntry"]
    return entry


async def test_open_for_a_while_and_no_attempt_is_spent(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger, model: ScriptedModel
) -> None:
    await model.play(SERVER_ERROR)
    logs = [await documents.submit(admin, documents.SUMMARIZE_LOG, **LOG) for _ in range(LOGS)]
    waiting = await eventually(partial(waiting_headers, stack, retry_queue("summarizer", "5s")), seconds=30)
    assert waiting[ATTEMPT_HEADER] == 0
    assert isinstance(waiting[WAITING_SINCE_HEADER], int)
    ids = ids_of(logs)

    async def often_deferred() -> bool:
        return all(len(attempts) > DEFERRALS for attempts in (await deliveries(stack, ids)).values())

    await eventually(often_deferred, seconds=60, every=0.5)
    asked = await model.asked()
    processed = sum(map(len, (await deliveries(stack, ids)).values()))
    assert 1 < asked < processed  # the others found the breaker open
    (still,) = {(await log_entry(admin, one))["state"] for one in ids}
    assert still == "PENDING"
    await model.play({"kind": "ok"})
    assert (await ledger.balance(logs)).check().counts == {"completed": LOGS}
    for entry in await finished(admin, logs):
        told = provenance(entry)
        assert (told["engine"], told["degraded"], told["degradedReason"]) == ("LLM", False, None)
    assert await model.asked() == LOGS
    assert {attempt for attempts in (await deliveries(stack, ids)).values() for attempt in attempts} == {1}
    assert await stack.lengths("summarizer.dead") == {"summarizer.dead": 0}


async def test_work_waits_for_as_long_as_retry_after_says(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger, model: ScriptedModel
) -> None:
    await until_asked_again(admin, model)
    limited = {"kind": "status", "status": 429, "retry_after": str(RETRY_AFTER_SECONDS)}
    await model.play(limited, {"kind": "ok"})
    before = time.monotonic()
    logs = [await documents.submit(admin, documents.SUMMARIZE_LOG, **LOG) for _ in range(LOGS)]
    await model.asked_at_least(1)
    asked = await model.asked()
    while time.monotonic() < before + RETRY_AFTER_SECONDS:
        assert asked == 1
        await asyncio.sleep(0.1)
        asked = await model.asked()
    assert (await ledger.balance(logs)).check().counts == {"completed": LOGS}
    assert {provenance(entry)["engine"] for entry in await finished(admin, logs)} == {"LLM"}
    assert await model.asked() == 1 + LOGS


async def test_work_that_waited_too_long_fails_with_a_reason(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger, model: ScriptedModel
) -> None:
    await model.play(SERVER_ERROR)
    ticket = await documents.submit(admin, documents.TRIAGE_TICKET, **TICKET)
    (failed,) = await finished(admin, [ticket])
    assert failed["state"] == "FAILED"
    assert failed["failure"]["code"] == "deadline_spent"
    assert failed["failure"]["message"].startswith("language model: ")
    balance = (await ledger.balance([ticket])).check()
    assert balance.counts == {"failed": 1}
    assert [letter.reason for letter in balance.letters] == ["deadline_spent"]
    letter = await next_dead(stack)
    assert letter.headers[ERROR_CLASS_HEADER] == "Deferred"
    assert letter.headers[REASON_HEADER] == "deadline_spent"
    assert letter.message_id == str(Accepted.of(ticket).id)


async def test_what_the_model_answers_to_one_prompt_is_no_reason_to_wait(
    admin: GraphqlClient, ledger: Ledger, model: ScriptedModel
) -> None:
    await until_asked_again(admin, model)
    await model.play({"kind": "refusal"})
    log = await documents.submit(admin, documents.SUMMARIZE_LOG, **LOG)
    (entry,) = await finished(admin, [log])
    assert (provenance(entry)["engine"], provenance(entry)["degradedReason"]) == ("BUILTIN", "refused")
    assert (await ledger.balance([log])).check().counts == {"completed": 1}
    assert await model.asked() == 1


async def test_the_same_id_many_times_at_once_with_a_slow_model(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger, model: ScriptedModel
) -> None:
    await until_asked_again(admin, model)
    await model.play({"kind": "delay", "seconds": 2})
    identity = uuid4()
    body = cloud_event("", identity=identity, type=COMMAND, data=LOG)
    copy = Raw(body, {"message_id": str(identity)}, COMMAND)
    await partner(stack).send(*[copy] * COPIES)

    async def all_settled() -> bool:
        return len((await deliveries(stack, [identity]))[identity]) > COPIES and not any(
            (await stack.lengths("summarizer.work", retry_queue("summarizer", "5s"))).values()
        )

    await eventually(all_settled, seconds=60, every=0.5)
    assert (await ledger.balance([Accepted("LogEntry", identity)])).check().counts == {"completed": 1}
    assert provenance(await log_entry(admin, identity))["engine"] == "LLM"
    assert await model.asked() == 1
    assert set((await deliveries(stack, [identity]))[identity]) == {1}
    assert await stack.lengths("summarizer.dead") == {"summarizer.dead": 0}


async def until_asked_again(client: GraphqlClient, model: ScriptedModel) -> None:
    """Let the model answer, and wait until the summarizer's breaker has noticed: then nothing waits any more."""
    await model.play({"kind": "ok"})
    await finished(client, [await documents.submit(client, documents.SUMMARIZE_LOG, **LOG)])
