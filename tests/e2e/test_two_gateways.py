"""Subscribers of two gateways: whichever they and the changes come to, they show what is the case."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from e2e import documents
from support.eventually import eventually
from support.graphql import GraphqlClient, Json
from support.handing_in import database
from support.showing import Balancer, Screen, running
from support.stack import RunningStack
from support.workers import start

pytestmark = pytest.mark.timeout(180)

SECOND = "gateway-2"
TICKETS = 12
SCREENS = 6
TICKET = "query($id: ID!) { ticket(id: $id) { id version state status title } }"


@asynccontextmanager
async def two(stack: RunningStack, admin: GraphqlClient) -> AsyncIterator[GraphqlClient]:
    """A second gateway on the same database and broker, as ``admin`` uses it."""
    await start_second(stack)
    try:
        yield GraphqlClient(f"{stack.stack.services.url(SECOND)}/graphql", admin.token)
    finally:
        await asyncio.to_thread(stack.stack.processes.stop, SECOND)


async def start_second(stack: RunningStack) -> None:
    usual = stack.stack.services.serve("gateway", scripted_llm=False)
    own = {"GATEWAY_PORT": str(stack.stack.services.ports[SECOND])}
    await start(stack, replace(usual, name=SECOND, environment={**usual.environment, **own}))


async def triaged(balancer: Balancer, title: str) -> list[Json]:
    return list(
        await asyncio.gather(
            *(documents.triaged(balancer.client(), title=f"{title} {number}", body="b") for number in range(TICKETS))
        )
    )


async def change_all(balancer: Balancer, tickets: Sequence[Json], status: str) -> list[Json]:
    """Every ticket with another status, each changed at the next gateway."""

    async def change(ticket: Json) -> Json:
        change = {"ticketId": ticket["id"], "status": status, "expectedVersion": ticket["version"]}
        payload = (await balancer.client().execute(documents.UPDATE_TICKET_STATUS, input=change))["updateTicketStatus"]
        assert payload["userErrors"] == []
        changed: Json = payload["ticket"]
        return changed

    return list(await asyncio.gather(*(change(ticket) for ticket in tickets)))


async def opened(screens: Sequence[Screen], before: Sequence[int] | None = None) -> None:
    """Wait until each has subscribed, once more than ``before``."""
    counts = before or [0] * len(screens)

    async def all_are() -> bool:
        return all(screen.connections > count for screen, count in zip(screens, counts, strict=True))

    await eventually(all_are, seconds=40)


async def show_the_truth(screens: Sequence[Screen], client: GraphqlClient, tickets: Sequence[Json]) -> None:
    """Wait until every screen shows every ticket of its own exactly as it is read."""
    wanted = {one["id"]: (await client.execute(TICKET, id=one["id"]))["ticket"] for one in tickets}

    async def all_do() -> bool:
        return all(
            screen.shown.get(identity) == ticket
            for screen in screens
            for identity, ticket in wanted.items()
            if screen.ticket_id in (None, identity)
        )

    await eventually(all_do, seconds=40)
    assert [screen.backwards for screen in screens if screen.backwards] == []


def screens_of(balancer: Balancer, tickets: Sequence[Json]) -> list[Screen]:
    """Screens of all tickets, and one for each ticket."""
    return [*(Screen(balancer) for _ in range(SCREENS)), *(Screen(balancer, ticket["id"]) for ticket in tickets)]


async def test_changes_at_either_gateway_reach_subscribers_of_both(stack: RunningStack, admin: GraphqlClient) -> None:
    async with two(stack, admin) as other:
        balancer = Balancer(admin, other)
        tickets = await triaged(balancer, "Shown by both")
        screens = screens_of(balancer, tickets)
        with running(screens):
            await opened(screens)
            later = await triaged(balancer, "Handed in while others look")
            changed = await change_all(balancer, tickets, "IN_PROGRESS")
            await change_all(balancer, changed, "RESOLVED")
            await show_the_truth(screens, admin, [*tickets, *later])
        assert {screen.connections for screen in screens} == {1}


async def test_subscribers_of_a_killed_gateway_go_on_at_the_other(stack: RunningStack, admin: GraphqlClient) -> None:
    async with two(stack, admin) as other:
        balancer = Balancer(admin, other)
        tickets = await triaged(balancer, "Outlives a gateway")
        screens = screens_of(balancer, tickets)
        with running(screens):
            await opened(screens)
            changed = await change_all(balancer, tickets, "IN_PROGRESS")
            await stack.kill(SECOND)
            changed = await change_all(Balancer(admin), changed, "RESOLVED")
            await show_the_truth(screens, admin, tickets)
            moved = [screen for screen in screens if screen.connections > 1]
            assert len(moved) == len(screens) // 2
            await start_second(stack)
            await change_all(balancer, changed, "CLOSED")
            await show_the_truth(screens, other, tickets)


async def test_who_may_have_missed_changes_is_told_and_reads_again(stack: RunningStack, admin: GraphqlClient) -> None:
    async with two(stack, admin) as other:
        balancer = Balancer(admin, other)
        tickets = await triaged(balancer, "Changed unheard")
        screens = screens_of(balancer, tickets)
        with running(screens):
            await opened(screens)
            before = [screen.connections for screen in screens if screen.ticket_id is None]
            async with database(stack) as connection:
                ended = await connection.fetch(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE usename = 'gateway' AND (query LIKE 'LISTEN%' OR query = 'SELECT 1')"
                )
            assert len(ended) >= 2
            await change_all(balancer, tickets, "IN_PROGRESS")
            await opened(screens[:SCREENS], before)
            await show_the_truth(screens, admin, tickets)
        assert {code for screen in screens for code in screen.codes} == {"RESUBSCRIBE"}
        assert {screen.connections for screen in screens[SCREENS:]} == {1}
