"""Parts of the stack are killed; what was accepted is done once they are back, and nothing is lost or done twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import asyncpg
import pytest

from aiops_local.services import SERVICES
from e2e import documents
from support.eventually import eventually
from support.graphql import GraphqlClient, GraphqlErrors, Json, code_of, following
from support.queues import purge
from support.stack import RunningStack

SECONDS = 60.0
DEAD = tuple(f"{service}.dead" for service in SERVICES)


@pytest.fixture(autouse=True)
async def whole(stack: RunningStack) -> AsyncIterator[None]:
    """Nothing is dead before a test, and nothing stays away after one, however it ended."""
    await purge(stack.amqp_url, *DEAD)
    yield
    await asyncio.to_thread(stack.stack.rabbitmq.start)
    await asyncio.to_thread(stack.stack.postgres.start)


def is_ready(stack: RunningStack, service: str, status: int) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return (await stack.ready(service))[0] == status

    return look


async def hand_in(client: GraphqlClient, prefix: str, count: int = 5) -> list[Json]:
    """Tickets that are accepted at this moment; all are pending."""
    accepted = [
        await documents.submit(
            client, documents.TRIAGE_TICKET, title=f"{prefix} {number}", body="b", idempotencyKey=f"{prefix} {number}"
        )
        for number in range(count)
    ]
    assert {ticket["state"] for ticket in accepted} == {"PENDING"}
    return accepted


async def assert_done_once(stack: RunningStack, client: GraphqlClient, accepted: list[Json]) -> None:
    done = await asyncio.gather(*(documents.settled(client, documents.WATCH_TICKET, one) for one in accepted))
    assert [(one["state"], one["version"]) for one in done] == [("SUCCEEDED", 1)] * len(accepted)
    connection = await asyncpg.connect(stack.environment["DATABASE_URL"])
    try:
        events = await connection.fetchval(
            "SELECT count(*) FROM triage.outbox WHERE routing_key = 'triage.ticket_triaged.v1' "
            "AND convert_from(body, 'UTF8')::jsonb -> 'data' -> 'ticket' ->> 'title' = ANY($1)",
            [one["title"] for one in accepted],
        )
    finally:
        await connection.close()
    assert events == len(accepted)
    assert await stack.lengths(*DEAD) == dict.fromkeys(DEAD, 0)


async def test_while_the_broker_is_away_work_is_accepted_and_is_done_when_it_is_back(
    stack: RunningStack, admin: GraphqlClient
) -> None:
    await asyncio.to_thread(stack.stack.rabbitmq.kill)
    accepted = await hand_in(admin, "Without a broker")
    await eventually(is_ready(stack, "triage", 503), seconds=SECONDS)
    assert (await stack.ready("triage"))[1]["checks"]["broker"] != "ok"
    status, body = await stack.ready("gateway")
    assert (status, body["ready"]) == (200, True)
    assert body["checks"]["broker"] != "ok"
    read = (await admin.execute(documents.GET_TICKET, id=accepted[0]["id"]))["ticket"]
    assert read["state"] == "PENDING"
    credentials = {"email": stack.environment["ADMIN_EMAIL"], "password": stack.environment["ADMIN_PASSWORD"]}
    assert await code_of(stack.visitor, documents.LOG_IN, input=credentials) == "UNAVAILABLE"
    again = await hand_in(admin, "Without a broker")
    assert [one["id"] for one in again] == [one["id"] for one in accepted]
    await asyncio.to_thread(stack.stack.rabbitmq.start)
    await eventually(is_ready(stack, "triage", 200), seconds=SECONDS)
    await assert_done_once(stack, admin, accepted)
    assert await eventually(lambda: logs_in(stack), seconds=SECONDS)


async def test_while_triage_is_away_work_waits_and_is_done_once(stack: RunningStack, admin: GraphqlClient) -> None:
    await stack.kill("triage")
    accepted = await hand_in(admin, "Without triage")
    change = {"ticketId": accepted[0]["id"], "status": "CLOSED", "expectedVersion": 1}
    assert await code_of(admin, documents.UPDATE_TICKET_STATUS, input=change) == "UNAVAILABLE"
    await stack.serve("triage")
    await assert_done_once(stack, admin, accepted)


async def test_triage_killed_amid_work_does_all_of_it_once(stack: RunningStack, admin: GraphqlClient) -> None:
    sent = asyncio.create_task(hand_in_many(admin, "Amid work", 60))
    await asyncio.sleep(0)
    await stack.kill("triage")
    accepted = await sent
    await stack.serve("triage")
    await assert_done_once(stack, admin, accepted)


async def hand_in_many(client: GraphqlClient, prefix: str, count: int) -> list[Json]:
    one_by_one = [
        documents.submit(client, documents.TRIAGE_TICKET, title=f"{prefix} {number}", body="b")
        for number in range(count)
    ]
    return list(await asyncio.gather(*one_by_one))


async def test_when_the_database_is_back_everything_goes_on_by_itself(
    stack: RunningStack, admin: GraphqlClient
) -> None:
    watched = await documents.triaged(admin, title="Watched through an outage", body="b")
    pids = {name: stack.stack.processes.running(name) for name in SERVICES}
    async with (
        asyncio.timeout(3 * SECONDS),
        aclosing(admin.subscribe(documents.WATCH_TICKET, id=watched["id"])) as told,
    ):
        assert (await following(told))["version"] == 1
        await asyncio.to_thread(stack.stack.postgres.kill)
        await eventually(is_ready(stack, "gateway", 503), seconds=SECONDS)
        assert "PostgreSQL" in (await stack.ready("gateway"))[1]["checks"]["database"]
        ticket = {"title": "t", "body": "b"}
        assert await code_of(admin, documents.TRIAGE_TICKET, input=ticket) == "UNAVAILABLE"
        assert await code_of(admin, documents.GET_TICKET, id=watched["id"]) == "UNAVAILABLE"
        assert (
            await code_of(stack.visitor, documents.LOG_IN, input={"email": "a@b.c", "password": "x"}) == "UNAVAILABLE"
        )
        await asyncio.to_thread(stack.stack.postgres.start)
        for service in SERVICES:
            await eventually(is_ready(stack, service, 200), seconds=SECONDS)
        await assert_done_once(stack, admin, await hand_in(admin, "After the database"))
        assert await eventually(lambda: logs_in(stack), seconds=SECONDS)
        change = {"ticketId": watched["id"], "status": "IN_PROGRESS", "expectedVersion": 1}
        answer = await admin.execute(documents.UPDATE_TICKET_STATUS, input=change)
        assert answer["updateTicketStatus"]["userErrors"] == []
        assert (await following(told, lambda one: bool(one["version"] == 2)))["status"] == "IN_PROGRESS"
    assert {name: stack.stack.processes.running(name) for name in SERVICES} == pids


async def test_messages_that_wait_when_the_database_dies_are_done_when_it_is_back(
    stack: RunningStack, admin: GraphqlClient
) -> None:
    sent = asyncio.create_task(hand_in_some(admin, "Amid the outage", 40))
    await eventually(lambda: any_accepted(admin, "Amid the outage"))
    await asyncio.to_thread(stack.stack.postgres.kill)
    accepted = await sent
    await asyncio.to_thread(stack.stack.postgres.start)
    for service in SERVICES:
        await eventually(is_ready(stack, service, 200), seconds=SECONDS)
    assert accepted
    await assert_done_once(stack, admin, accepted)


async def any_accepted(client: GraphqlClient, text: str) -> bool:
    return bool((await client.execute(documents.TICKETS, filter={"text": text}))["tickets"]["totalCount"])


async def hand_in_some(client: GraphqlClient, prefix: str, count: int) -> list[Json]:
    """Tickets handed in one after the other until one is refused; those that were accepted."""
    accepted: list[Json] = []
    for number in range(count):
        try:
            ticket = await documents.submit(client, documents.TRIAGE_TICKET, title=f"{prefix} {number}", body="b")
        except GraphqlErrors as error:
            if error.code != "UNAVAILABLE":
                raise
            break
        accepted.append(ticket)
    return accepted


async def logs_in(stack: RunningStack) -> bool:
    credentials = {"email": stack.environment["ADMIN_EMAIL"], "password": stack.environment["ADMIN_PASSWORD"]}
    refusal = await code_of(stack.visitor, documents.LOG_IN, input=credentials)
    assert refusal in ("", "UNAVAILABLE")
    return refusal == ""
