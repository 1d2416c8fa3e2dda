"""graphql-transport-ws, as the client of graphql-ws speaks it, and as one does that does not keep to it.

Source: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from uuid import uuid4

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from aiops_common.postgres import Pool
from aiops_gateway.graphql.ids import to_global_id
from conformity import scripts
from conformity.scripts import Json
from integration.gateway.conftest import ticket
from support.lone_gateway import LoneGateway, lone_gateway

WATCH = "subscription($id: ID) { ticketChanged(id: $id) { id title version } }"
PROTOCOL = "graphql-transport-ws"


def watched(answer: Json) -> tuple[str, int]:
    assert "errors" not in answer, answer
    told = answer["data"]["ticketChanged"]
    return told["title"], told["version"]


def address(gateway: LoneGateway) -> str:
    return gateway.url.replace("http", "ws", 1)


async def test_the_present_state_comes_first_then_each_change_until_the_client_ends_it(gateway: LoneGateway) -> None:
    identity = uuid4()
    await gateway.project(ticket("before", identity=identity, version=1))
    token = gateway.client(await gateway.sign_up()).token
    options = {"url": address(gateway), "token": token, "query": WATCH}
    variables = {"id": to_global_id("Ticket", identity)}
    async with scripts.running("websocket.mjs", **options, variables=variables, keepAlive=50) as client:
        assert (await client.next("connected"))["protocol"] == PROTOCOL
        assert watched(await client.next("next")) == ("before", 1)
        await gateway.project(ticket("after", identity=identity, version=2))
        assert watched(await client.next("next")) == ("after", 2)
        assert (await client.next("pong"))["received"] is True
        await client.order("complete")
        await client.next("complete")
        # Nothing is left to do, so the client goes of itself, with the code that means so.
        assert (await client.next("closed"))["code"] == 1000
        assert [one for one in client.told if one["event"] == "error"] == []


async def test_a_client_that_lost_its_server_reads_again(
    pools: dict[str, Pool], service_database_urls: dict[str, str]
) -> None:
    pool, database_url = pools["gateway"], service_database_urls["gateway"]
    identity = uuid4()
    async with lone_gateway(pool, database_url) as first:
        await first.project(ticket("before", identity=identity, version=1))
        token = first.client(await first.sign_up()).token
        options = {"url": address(first), "token": token, "query": WATCH}
        variables = {"id": to_global_id("Ticket", identity)}
        async with scripts.running("websocket.mjs", **options, variables=variables, retries=300) as client:
            assert watched(await client.next("next")) == ("before", 1)
            first.process.kill()
            assert (await client.next("closed"))["code"] == 1006
            await first.project(ticket("meanwhile", identity=identity, version=2))
            port = int(first.url.split(":")[2].split("/")[0])
            async with lone_gateway(pool, database_url, port=port) as second:
                assert (await client.next("connected"))["wasRetry"] is True
                assert watched(await client.next("next")) == ("meanwhile", 2)
                await second.project(ticket("after", identity=identity, version=3))
                assert watched(await client.next("next")) == ("after", 3)


@pytest.mark.parametrize("token", [None, "not.a.token"])
async def test_nobody_sees_anything_without_a_token(gateway: LoneGateway, token: str | None) -> None:
    async with scripts.running("websocket.mjs", url=address(gateway), token=token, query=WATCH) as client:
        answer = await client.next("next")
        assert answer["data"] is None
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
        await client.next("complete")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("subscription {", "Syntax Error"),
        ("subscription { nothing }", "Cannot query field 'nothing'"),
        ("{ __typename } { __typename }", "operation"),
        ("fragment A on Query { me { id } }", "operation"),
    ],
)
async def test_a_document_that_is_none_ends_its_operation_and_not_the_socket(
    gateway: LoneGateway, document: str, said: str
) -> None:
    async with scripts.running("websocket.mjs", url=address(gateway), query=document) as client:
        refused = (await client.next("error"))["errors"]
        assert said in refused[0]["message"]
        assert refused[0]["extensions"]["code"] == "BAD_USER_INPUT"
        assert (await client.next("closed"))["code"] == 1000


async def test_a_query_is_answered_too(gateway: LoneGateway) -> None:
    async with scripts.running("websocket.mjs", url=address(gateway), query="{ __typename }") as client:
        assert (await client.next("next"))["data"] == {"__typename": "Query"}
        await client.next("complete")


async def test_the_protocol_that_came_before_is_not_spoken(gateway: LoneGateway) -> None:
    # The client of graphql-ws cannot be told: it gives up a handshake that does not choose one of its protocols.
    async with connect(address(gateway), subprotocols=[Subprotocol("graphql-ws")], proxy=None) as socket:
        await socket.wait_closed()
    assert (socket.close_code, socket.close_reason) == (4406, "Subprotocol not acceptable")


BAD_MESSAGE = 4400
CLOSES = {
    "no subprotocol": (4406, "Subprotocol not acceptable"),
    "no init": (4408, "Connection initialisation timeout"),
    "two inits": (4429, "Too many initialisation requests"),
    "subscribe before init": (4401, "Unauthorized"),
    "the same id twice": (4409, "Subscriber for 1 already exists"),
    "the same long id twice": (4409, "Subscriber for ää"),
    "not JSON": (BAD_MESSAGE, "WebSocket message must be valid JSON"),
    "deep JSON": (BAD_MESSAGE, "WebSocket message must be valid JSON"),
    "a list": (BAD_MESSAGE, "WebSocket message must be valid JSON"),
    "a number": (BAD_MESSAGE, "WebSocket message must be valid JSON"),
    "no type": (BAD_MESSAGE, "a message must be an object with a type"),
    "an unknown type": (BAD_MESSAGE, "Unknown message type: xxx"),
    "a type that is none": (BAD_MESSAGE, "a message must be an object with a type"),
    "bytes": (BAD_MESSAGE, "WebSocket message type must be text"),
    "init with a payload that is none": (BAD_MESSAGE, "payload must be an object"),
    "an id that is none": (BAD_MESSAGE, "id must be a string of 1 to 255 characters"),
    "an endless id": (BAD_MESSAGE, "id must be a string of 1 to 255 characters"),
    "no payload": (BAD_MESSAGE, "payload.query must be a string"),
    "a payload that is none": (BAD_MESSAGE, "payload must be an object"),
    "a query that is none": (BAD_MESSAGE, "payload.query must be a string"),
    "variables that are none": (BAD_MESSAGE, "payload.variables must be an object or null"),
    "complete without an id": (BAD_MESSAGE, "id must be a string of 1 to 255 characters"),
}
REFUSED = {"a foreign page": 403, "a page that says null": 403}


async def test_who_does_not_keep_to_the_protocol_is_told_what_was_wrong(gateway: LoneGateway) -> None:
    token = gateway.client(await gateway.sign_up()).token
    query = "subscription { ticketChanged { id } }"
    told = await scripts.result("violations.mjs", url=address(gateway), token=token, query=query)
    assert [name for name, one in told.items() if "open" in one] == []
    assert {name: one["refused"] for name, one in told.items() if "refused" in one} == REFUSED
    closes = {name: one for name, one in told.items() if "code" in one}
    assert {name: one["code"] for name, one in closes.items()} == {name: code for name, (code, _) in CLOSES.items()}
    wrong = {name: one["reason"] for name, one in closes.items() if not one["reason"].startswith(CLOSES[name][1])}
    assert wrong == {}
    log = gateway.log.read_text()
    assert "Traceback" not in log, log[-3000:]
