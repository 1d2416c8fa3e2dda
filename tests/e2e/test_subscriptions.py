"""Subscriptions: the present state at once and then every change, over WebSocket and server-sent events."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from e2e import documents
from e2e.conftest import Accounts
from support.graphql import GraphqlClient, GraphqlErrors, Json, following, server_sent

Subscribe = Callable[..., AsyncGenerator[Json]]
TRANSPORTS = [pytest.param(GraphqlClient.subscribe, id="websocket"), pytest.param(server_sent, id="sse")]
SECONDS = 20.0


@pytest.mark.parametrize("subscribe", TRANSPORTS)
async def test_the_present_state_comes_at_once_and_then_the_change(admin: GraphqlClient, subscribe: Subscribe) -> None:
    ticket = await documents.triaged(admin, title="Watched", body="b")
    async with asyncio.timeout(SECONDS), aclosing(subscribe(admin, documents.WATCH_TICKET, id=ticket["id"])) as answers:
        assert await following(answers) == ticket
        change = {"ticketId": ticket["id"], "status": "IN_PROGRESS", "expectedVersion": ticket["version"]}
        await admin.execute(documents.UPDATE_TICKET_STATUS, input=change)
        changed = await following(answers)
    assert (changed["status"], changed["version"]) == ("IN_PROGRESS", 2)


@pytest.mark.parametrize("subscribe", TRANSPORTS)
async def test_without_an_id_every_change_is_told(admin: GraphqlClient, subscribe: Subscribe) -> None:
    known = await documents.triaged(admin, title="Known before", body="b")
    async with asyncio.timeout(SECONDS), aclosing(subscribe(admin, documents.WATCH_CHANGELOG)) as answers:
        arrival = asyncio.create_task(following(answers, lambda one: bool(one["state"] == "SUCCEEDED")))
        entries = [{"section": "ADDED", "text": "Something"}]
        made = []
        while not arrival.done():
            # Nothing tells when the subscription has begun, so there is always another change to be told of.
            made.append(await documents.submit(admin, documents.GENERATE_CHANGELOG, project="watched", entries=entries))
            await asyncio.wait([arrival], timeout=1)
        told = await arrival
    assert told["id"] in [one["id"] for one in made]
    assert told["id"] != known["id"]


@pytest.mark.parametrize("subscribe", TRANSPORTS)
async def test_without_a_token_there_is_nothing_to_see(accounts: Accounts, subscribe: Subscribe) -> None:
    for client in (accounts.visitor, accounts.visitor.signed_in("not.a.token")):
        with pytest.raises(GraphqlErrors) as refused:
            async with asyncio.timeout(SECONDS), aclosing(subscribe(client, documents.WATCH_TICKET)) as answers:
                await following(answers)
        assert refused.value.code == "UNAUTHENTICATED"


async def test_an_id_of_another_type_is_bad_input(admin: GraphqlClient) -> None:
    me = (await admin.execute(documents.ME))["me"]["id"]
    with pytest.raises(GraphqlErrors) as refused:
        async with asyncio.timeout(SECONDS), aclosing(admin.subscribe(documents.WATCH_TICKET, id=me)) as answers:
            await following(answers)
    assert refused.value.code == "BAD_USER_INPUT"


async def test_a_page_of_another_origin_cannot_open_a_websocket(accounts: Accounts) -> None:
    address = accounts.visitor.url.replace("http", "ws", 1)
    protocol = [Subprotocol("graphql-transport-ws")]
    with pytest.raises(InvalidStatus) as refused:
        async with connect(address, subprotocols=protocol, proxy=None, origin=Origin("https://evil.example")):
            pass
    assert refused.value.response.status_code == 403
    own = Origin(accounts.visitor.url.removesuffix("/graphql"))
    async with connect(address, subprotocols=protocol, proxy=None, origin=own) as socket:
        assert socket.subprotocol == "graphql-transport-ws"
