"""What a subscription may tell is decided at each event anew, and one without any right to go on ends by itself."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from uuid import uuid4

import pytest

from aiops_common.postgres import Pool
from aiops_contracts.auth import Role
from aiops_gateway.graphql.ids import to_global_id
from aiops_gateway.repository.read_model import CHANGES_CHANNEL
from integration.gateway.conftest import ticket
from support.graphql import GraphqlClient, GraphqlErrors, Json, following, server_sent
from support.lone_gateway import LoneGateway, lone_gateway

Subscribe = Callable[..., AsyncGenerator[Json]]
TRANSPORTS = [pytest.param(GraphqlClient.subscribe, id="websocket"), pytest.param(server_sent, id="sse")]
WATCH = "subscription($id: ID) { ticketChanged(id: $id) { version body } }"
SECONDS = 30.0
"""More than the time after which an idle subscriber is looked at."""


@pytest.fixture(scope="module")
async def gateway(pools: dict[str, Pool], service_database_urls: dict[str, str]) -> AsyncIterator[LoneGateway]:
    async with lone_gateway(pools["gateway"], service_database_urls["gateway"]) as running:
        yield running


async def refusal(answers: AsyncIterator[Json]) -> str:
    """The code with which the subscription ends; an answer before that fails the test."""
    with pytest.raises(GraphqlErrors) as refused:
        async with asyncio.timeout(SECONDS):
            raise AssertionError(f"was told {await anext(answers)}")
    return refused.value.code


@pytest.mark.parametrize("subscribe", TRANSPORTS)
async def test_a_changed_role_counts_from_the_next_event_on(gateway: LoneGateway, subscribe: Subscribe) -> None:
    user, watched = await gateway.sign_up(Role.OPS), ticket(version=1, body="Only for some")
    await gateway.project(watched)
    identity = to_global_id("Ticket", watched.id)
    async with aclosing(subscribe(gateway.client(user), WATCH, id=identity)) as answers:
        assert await following(answers) == {"version": 1, "body": "Only for some"}
        await gateway.put(user.model_copy(update={"role": Role.VIEWER, "version": 2}))
        await gateway.project(watched.model_copy(update={"version": 2}))
        assert await following(answers) == {"version": 2, "body": None}


@pytest.mark.parametrize("subscribe", TRANSPORTS)
async def test_a_removed_account_is_told_nothing_more(gateway: LoneGateway, subscribe: Subscribe) -> None:
    user, watched = await gateway.sign_up(), ticket(version=1)
    await gateway.project(watched)
    identity = to_global_id("Ticket", watched.id)
    async with aclosing(subscribe(gateway.client(user), WATCH, id=identity)) as answers:
        await following(answers)
        async with gateway.pool.transaction() as connection:
            await connection.execute("DELETE FROM users WHERE id = $1", user.id)
            await connection.execute("SELECT pg_notify($1, $2)", CHANGES_CHANNEL, f"user:{user.id}")
        assert await refusal(answers) == "UNAUTHENTICATED"


@pytest.mark.parametrize("subscribe", TRANSPORTS)
async def test_an_expired_token_ends_the_subscription_though_nothing_happens(
    gateway: LoneGateway, subscribe: Subscribe
) -> None:
    user, watched = await gateway.sign_up(), ticket(version=1)
    await gateway.project(watched)
    identity = to_global_id("Ticket", watched.id)
    async with aclosing(subscribe(gateway.client(user, seconds=5), WATCH, id=identity)) as answers:
        await following(answers)
        assert await refusal(answers) == "UNAUTHENTICATED"


@pytest.mark.parametrize("subscribe", TRANSPORTS)
async def test_what_is_not_there_is_refused_at_once(gateway: LoneGateway, subscribe: Subscribe) -> None:
    client = gateway.client(await gateway.sign_up())
    async with aclosing(subscribe(client, WATCH, id=to_global_id("Ticket", uuid4()))) as answers:
        assert await refusal(answers) == "BAD_USER_INPUT"
