"""Who sees which field: the same in single reads, lists and subscriptions; and who may call what."""

import json

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from aiops_gateway.domain.access import OPERATIONS, PEOPLE_ONLY, PUBLIC_OPERATIONS, Role
from e2e import documents
from e2e.conftest import Accounts
from support.graphql import GraphqlClient, Json, first, post
from unit.gateway.root_documents import root_fields
from unit.gateway.schema import published

SEES_CONTENT = {"ADMIN", "OPS"}
SEES_BODY = {"ADMIN", "OPS", "HR"}
SEES_REPORTER = {"ADMIN", "HR"}
ROLES = ["ADMIN", "OPS", "HR", "VIEWER"]


@pytest.fixture(scope="module")
async def ticket(admin: GraphqlClient) -> Json:
    return await documents.triaged(
        admin, title="Masked by role", body="the secretive body", reporterEmail="reporter@example.org"
    )


@pytest.fixture(scope="module")
async def entry(admin: GraphqlClient) -> Json:
    pending = await documents.submit(admin, documents.SUMMARIZE_LOG, source="masked", content="ERROR x\nERROR y")
    return await documents.settled(admin, documents.WATCH_LOG_ENTRY, pending)


@pytest.mark.parametrize("role", ROLES)
async def test_a_ticket_hides_body_and_reporter(people: dict[str, GraphqlClient], ticket: Json, role: str) -> None:
    reader = people[role]
    listed = (await reader.execute(documents.TICKETS, filter={"text": ticket["title"]}))["tickets"]["nodes"]
    seen = [
        (await reader.execute(documents.GET_TICKET, id=ticket["id"]))["ticket"],
        *listed,
        await first(reader.subscribe(documents.WATCH_TICKET, id=ticket["id"])),
    ]
    body = ticket["body"] if role in SEES_BODY else None
    reporter = ticket["reporterEmail"] if role in SEES_REPORTER else None
    assert [(one["id"], one["body"], one["reporterEmail"]) for one in seen] == [(ticket["id"], body, reporter)] * 3


@pytest.mark.parametrize("role", ROLES)
async def test_a_log_entry_hides_its_content(people: dict[str, GraphqlClient], entry: Json, role: str) -> None:
    reader = people[role]
    listed = (await reader.execute(documents.LOG_ENTRIES, filter={"source": "masked"}))["logEntries"]["nodes"]
    seen = [
        (await reader.execute(documents.GET_LOG_ENTRY, id=entry["id"]))["logEntry"],
        *listed,
        await first(reader.subscribe(documents.WATCH_LOG_ENTRY, id=entry["id"])),
    ]
    content = entry["content"] if role in SEES_CONTENT else None
    assert [(one["id"], one["content"]) for one in seen] == [(entry["id"], content)] * 3
    assert seen[0]["summary"]["headline"] == entry["summary"]["headline"]


async def test_what_a_role_may_not_read_it_cannot_search(people: dict[str, GraphqlClient], ticket: Json) -> None:
    found = {
        role: (await people[role].execute(documents.TICKETS, filter={"text": "the secretive"}))["tickets"]["totalCount"]
        for role in ROLES
    }
    assert found == {"ADMIN": 1, "OPS": 1, "HR": 1, "VIEWER": 0}


async def test_an_account_is_seen_by_its_owner_and_by_administrators(people: dict[str, GraphqlClient]) -> None:
    mine = (await people["HR"].execute(documents.ME))["me"]["id"]
    node = "query($id: ID!) { node(id: $id) { id ... on User { email } } }"
    seen = {role: (await people[role].execute(node, id=mine))["node"] for role in ROLES}
    assert seen["OPS"] is None
    assert seen["VIEWER"] is None
    assert seen["HR"] == seen["ADMIN"]
    assert seen["HR"]["id"] == mine


MASKED = {
    "ADMIN": None,
    "HR": None,
    "OPS": {"masked": ["ticketChanged.reporterEmail"]},
    "VIEWER": {"masked": ["ticketChanged.body", "ticketChanged.reporterEmail"]},
}
WATCH = "subscription($id: ID) { ticketChanged(id: $id) { id body reporterEmail } }"


async def websocket_event(client: GraphqlClient, payload: Json) -> Json:
    """The first event of a subscription over WebSocket, whole."""
    url = client.url.replace("http", "ws", 1)
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
        init = {"type": "connection_init", "payload": {"authorization": f"Bearer {client.token}"}}
        for message in (init, {"id": "1", "type": "subscribe", "payload": payload}):
            await socket.send(json.dumps(message))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        event: Json = json.loads(await socket.recv())["payload"]
        return event


async def server_sent_event(client: GraphqlClient, payload: Json) -> Json:
    """The first event of a subscription over server-sent events, whole."""
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {client.token}"}
    async with (
        httpx.AsyncClient(timeout=30, trust_env=False) as http,
        http.stream("POST", client.url, json=payload, headers=headers) as response,
    ):
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                event: Json = json.loads(line.removeprefix("data: "))
                return event
    raise AssertionError("there was no event")


@pytest.mark.parametrize("role", ROLES)
async def test_what_is_masked_is_told_with_every_answer(
    people: dict[str, GraphqlClient], ticket: Json, role: str
) -> None:
    payload = {"query": WATCH, "variables": {"id": ticket["id"]}}
    told = [await server_sent_event(people[role], payload), await websocket_event(people[role], payload)]
    assert [event.get("extensions") for event in told] == [MASKED[role]] * 2
    query = {**payload, "query": "query($id: ID!) { ticketChanged: ticket(id: $id) { id body reporterEmail } }"}
    answer = (await post(people[role], query)).json()
    assert answer.get("extensions") == MASKED[role]
    assert told == [answer] * 2


@pytest.fixture(scope="module")
async def machines(admin: GraphqlClient) -> dict[str, GraphqlClient]:
    """Role → an API key of it."""
    made = {}
    for role in ROLES:
        answer = await admin.execute(documents.CREATE_API_KEY, input={"name": f"of {role}", "role": role})
        made[role] = admin.signed_in(answer["createApiKey"]["secret"])
    return made


async def refusals(client: GraphqlClient) -> dict[str, str]:
    """Root field → how this client is refused it. Subscriptions are the same fields as in the tests above."""
    refused: dict[str, str] = {}
    for field in root_fields(published()):
        if field.kind != "subscription":
            answer = (await post(client, {"query": field.document})).json()
            codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
            if told := codes & {"FORBIDDEN", "UNAUTHENTICATED"}:
                refused[field.name] = "".join(told)
    return refused


@pytest.mark.parametrize("role", ROLES)
async def test_people_and_machines_may_call_what_their_role_may(
    people: dict[str, GraphqlClient], machines: dict[str, GraphqlClient], role: str
) -> None:
    forbidden = {name for name, roles in OPERATIONS.items() if Role(role) not in roles}
    assert await refusals(people[role]) == dict.fromkeys(forbidden, "FORBIDDEN")
    assert await refusals(machines[role]) == dict.fromkeys(forbidden | PEOPLE_ONLY, "FORBIDDEN")


async def test_without_a_log_in_there_is_nothing_but_logging_in(accounts: Accounts) -> None:
    guarded = {field.name for field in root_fields(published()) if field.kind != "subscription"} - PUBLIC_OPERATIONS
    assert await refusals(accounts.visitor) == dict.fromkeys(guarded, "UNAUTHENTICATED")
