"""Server-sent events, as the client of graphql-sse speaks them: one connection for each operation.

Source: https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
"""

from uuid import uuid4

import pytest

from aiops_gateway.graphql.ids import to_global_id
from conformity import scripts
from conformity.scripts import Json
from integration.gateway.conftest import ticket
from support.lone_gateway import LoneGateway

WATCH = "subscription($id: ID) { ticketChanged(id: $id) { id title version } }"


def watched(answer: Json) -> tuple[str, int]:
    assert "errors" not in answer, answer
    told = answer["data"]["ticketChanged"]
    return told["title"], told["version"]


async def test_the_present_state_comes_first_then_each_change_until_the_client_ends_it(gateway: LoneGateway) -> None:
    identity = uuid4()
    await gateway.project(ticket("before", identity=identity, version=1))
    token = gateway.client(await gateway.sign_up()).token
    variables = {"id": to_global_id("Ticket", identity)}
    options = {"url": gateway.url, "token": token, "query": WATCH, "variables": variables}
    async with scripts.running("events.mjs", **options) as client:
        await client.next("connected")
        assert watched(await client.next("next")) == ("before", 1)
        await gateway.project(ticket("after", identity=identity, version=2))
        assert watched(await client.next("next")) == ("after", 2)
        await client.order("complete")
        await client.next("complete")
        assert [one for one in client.told if one["event"] == "error"] == []


async def test_a_query_is_answered_and_completed(gateway: LoneGateway) -> None:
    async with scripts.running("events.mjs", url=gateway.url, query="{ __typename }") as client:
        assert (await client.next("next"))["data"] == {"__typename": "Query"}
        await client.next("complete")


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (WATCH, "UNAUTHENTICATED"),
        ("subscription {", "BAD_USER_INPUT"),
        ("subscription { nothing }", "BAD_USER_INPUT"),
        ("fragment A on Query { me { id } }", "BAD_USER_INPUT"),
        ("", "BAD_USER_INPUT"),
    ],
)
async def test_what_is_refused_comes_as_an_answer_and_ends_the_stream(
    gateway: LoneGateway, document: str, code: str
) -> None:
    async with scripts.running("events.mjs", url=gateway.url, query=document) as client:
        answer = await client.next("next")
        assert not answer.get("data")
        assert [error["extensions"]["code"] for error in answer["errors"]] == [code]
        await client.next("complete")


async def test_one_connection_for_many_operations_is_refused(gateway: LoneGateway) -> None:
    options = {"url": gateway.url, "query": "{ __typename }", "singleConnection": True}
    async with scripts.running("events.mjs", **options) as client:
        assert (await client.next("error"))["status"] == 405
