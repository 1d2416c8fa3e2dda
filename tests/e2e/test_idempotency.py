"""A hundred identical mutations at once, through two gateways: one effect, and a hundred equal answers."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from e2e import documents
from support.graphql import GraphqlClient, Json, user_error_codes
from support.stack import RunningStack
from support.workers import start

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
async def gateways(stack: RunningStack, admin: GraphqlClient) -> AsyncIterator[list[GraphqlClient]]:
    """The API at two gateways, as the same administrator."""
    usual = stack.stack.services.serve("gateway", scripted_llm=False)
    port = str(stack.stack.services.ports["gateway-2"])
    await start(stack, replace(usual, name="gateway-2", environment={**usual.environment, "GATEWAY_PORT": port}))
    yield [admin, GraphqlClient(f"http://127.0.0.1:{port}/graphql", admin.token)]
    await asyncio.to_thread(stack.stack.processes.stop, "gateway-2")


async def hundred(gateways: list[GraphqlClient], document: str, **values: object) -> Json:
    """The payload of a mutation that was sent a hundred times at once: all of them are equal."""
    body = {"query": document, "variables": {"input": values}}
    headers = {"Authorization": f"Bearer {gateways[0].token}"}
    async with httpx.AsyncClient(timeout=60, trust_env=False, headers=headers) as http:
        sent = (http.post(gateways[number % 2].url, json=body) for number in range(100))
        answers = [answer.json() for answer in await asyncio.gather(*sent)]
    assert [answer for answer in answers if answer != answers[0]] == []
    assert "errors" not in answers[0]
    payload: Json = next(iter(answers[0]["data"].values()))
    return payload


SUBMISSIONS = [
    (documents.SUMMARIZE_LOG, {"source": "a hundred", "content": "ERROR x\nERROR y"}, "content"),
    (documents.TRIAGE_TICKET, {"title": "A hundred", "body": "of the same"}, "body"),
    (documents.GENERATE_CHANGELOG, {"project": "hundred", "commits": [{"message": "fix: totals"}]}, "project"),
]


@pytest.mark.parametrize(("document", "values", "field"), SUBMISSIONS)
async def test_work_is_accepted_once(gateways: list[GraphqlClient], document: str, values: Json, field: str) -> None:
    key = secrets.token_hex(8)
    payload = await hundred(gateways, document, **values, idempotencyKey=key)
    (name,) = payload.keys() - {"userErrors"}
    assert (payload["userErrors"], payload[name]["state"]) == ([], "PENDING")
    watch = {"logEntry": documents.WATCH_LOG_ENTRY, "ticket": documents.WATCH_TICKET}
    done = await documents.settled(gateways[1], watch.get(name, documents.WATCH_CHANGELOG), payload[name])
    assert (done["version"], done["state"]) == (1, "SUCCEEDED")
    # A repetition that comes when the work is done gets the answer that the first one got.
    again = await gateways[1].execute(document, input={**values, "idempotencyKey": key})
    assert next(iter(again.values())) == payload
    other = next(
        iter((await gateways[1].execute(document, input={**_changed(values), "idempotencyKey": key})).values())
    )
    assert user_error_codes(other) == [("IDEMPOTENCY_KEY_REUSED", ("idempotencyKey",))]
    assert field in payload[name]


def _changed(values: Json) -> Json:
    name = next(name for name, value in values.items() if isinstance(value, str))
    return {**values, name: "something else"}


async def test_a_ticket_moves_once(gateways: list[GraphqlClient]) -> None:
    ticket = await documents.triaged(gateways[0], title="Moves once", body="b")
    change = {"ticketId": ticket["id"], "status": "IN_PROGRESS", "expectedVersion": 1}
    key = secrets.token_hex(8)
    payload = await hundred(gateways, documents.UPDATE_TICKET_STATUS, **change, idempotencyKey=key)
    assert payload["userErrors"] == []
    assert (payload["ticket"]["version"], payload["ticket"]["status"]) == (2, "IN_PROGRESS")
    # Somebody moves it on; a repetition gets the answer that the first one got.
    onward = {"ticketId": ticket["id"], "status": "RESOLVED", "expectedVersion": 2}
    moved = (await gateways[0].execute(documents.UPDATE_TICKET_STATUS, input=onward))["updateTicketStatus"]
    assert moved["ticket"]["version"] == 3
    again = await hundred(gateways, documents.UPDATE_TICKET_STATUS, **change, idempotencyKey=key)
    assert again == payload


async def test_of_those_without_a_key_one_moves_it_and_the_others_are_told_of_a_conflict(
    gateways: list[GraphqlClient],
) -> None:
    ticket = await documents.triaged(gateways[0], title="Moved by whom", body="b")
    change = {"ticketId": ticket["id"], "status": "IN_PROGRESS", "expectedVersion": 1}
    answers = await asyncio.gather(
        *(gateways[number % 2].execute(documents.UPDATE_TICKET_STATUS, input=change) for number in range(20))
    )
    payloads = [answer["updateTicketStatus"] for answer in answers]
    assert {payload["ticket"]["version"] for payload in payloads} == {2}
    refused = [payload for payload in payloads if payload["userErrors"]]
    assert len(refused) == 19
    assert {code for payload in refused for code in user_error_codes(payload)} == {
        ("VERSION_CONFLICT", ("expectedVersion",))
    }
    assert refused[0]["userErrors"][0]["message"].startswith("the ticket is at version 2, not 1")


async def test_dead_letters_are_replayed_once(gateways: list[GraphqlClient]) -> None:
    key = secrets.token_hex(8)
    payload = await hundred(gateways, documents.REPLAY_DEAD_LETTERS, queue="changelog.dead", idempotencyKey=key)
    assert payload == {"replayed": 0, "userErrors": []}
    condition = {"action": "replayDeadLetters", "outcome": "REPLAYED"}
    log = (await gateways[0].execute(documents.AUDIT_LOG, first=100, filter=condition))["auditLog"]
    assert [one["details"]["queue"] for one in log["nodes"]].count("changelog.dead") == 1
    other = {"queue": "triage.dead", "idempotencyKey": key}
    refused = (await gateways[1].execute(documents.REPLAY_DEAD_LETTERS, input=other))["replayDeadLetters"]
    assert user_error_codes(refused) == [("IDEMPOTENCY_KEY_REUSED", ("idempotencyKey",))]
