"""Two thousand subscribers on one gateway: what they cost while nothing happens, and how soon they are told."""

import sys
import time
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from aiops_common.postgres import Pool
from aiops_gateway.graphql.ids import to_global_id
from integration.gateway.conftest import ticket
from support.eventually import eventually
from support.lone_gateway import MEGABYTE, LoneGateway, lone_gateway
from support.many_subscribers import Subscribers, many_subscribers

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]

MANY = 2000
MOST_MEMORY = 150 * MEGABYTE


@pytest.fixture
async def gateway(pools: dict[str, Pool], service_database_urls: dict[str, str]) -> AsyncIterator[LoneGateway]:
    async with lone_gateway(pools["gateway"], service_database_urls["gateway"]) as running:
        yield running


async def grown(gateway: LoneGateway, before: int) -> int:
    """By how much the memory has grown once it grows no more; told to who runs the test with -s."""
    last = 0

    async def is_steady() -> bool:
        nonlocal last
        last, previous = gateway.resident, last
        return last == previous

    await eventually(is_steady, every=1)
    sys.stdout.write(
        f"\n{before / MEGABYTE:.0f} → {last / MEGABYTE:.0f} MB, {(last - before) / 1024 / MANY:.1f} KB each\n"
    )
    return last - before


@pytest.mark.parametrize("of_one", [True, False], ids=["one ticket each", "all tickets"])
async def test_two_thousand_idle_subscribers_cost_no_more_than_150_megabytes(
    gateway: LoneGateway, of_one: bool
) -> None:
    watched = [ticket(version=1) for _ in range(MANY)]
    for start in range(0, MANY, 200):
        await gateway.project(*watched[start : start + 200])
    ids = [to_global_id("Ticket", one.id) for one in watched] if of_one else [""]
    client = gateway.client(await gateway.sign_up())
    async with many_subscribers(client, 10, ids):  # what is loaded once is not counted
        before = gateway.resident
    async with many_subscribers(client, MANY, ids) as subscribers:
        await subscribers.told(1 if of_one else 0)
        assert await grown(gateway, before) <= MOST_MEMORY


async def test_many_subscriptions_of_one_connection_cost_less(gateway: LoneGateway) -> None:
    client = gateway.client(await gateway.sign_up())
    async with many_subscribers(client, 1, [""], on_each=20):
        before = gateway.resident
    async with many_subscribers(client, MANY // 20, [""], on_each=20):
        assert await grown(gateway, before) <= MOST_MEMORY / 3


async def seconds_until_told(gateway: LoneGateway, subscribers: Subscribers, watched: UUID, versions: range) -> float:
    """How long after a change the last subscriber knows of it: the middle of several changes."""
    taken = []
    for times, version in enumerate(versions, start=1):
        begun = time.monotonic()
        await gateway.project(ticket(version=version, identity=watched))
        taken.append((await subscribers.told(times)).last - begun)
    return sorted(taken)[len(taken) // 2]


async def test_two_thousand_are_told_of_a_change_from_one_read(gateway: LoneGateway) -> None:
    watched = uuid4()
    client = gateway.client(await gateway.sign_up())
    # Who watches all tickets reads none of them at first. The statistics come up to ten seconds late, and would count
    # what had been read at first among the reads of the changes.
    async with many_subscribers(client, 1, [""]) as one:
        await are_open(gateway, 1)
        alone = await seconds_until_told(gateway, one, watched, range(1, 6))
    await are_open(gateway, 0)
    async with many_subscribers(client, MANY, [""]) as many:
        await are_open(gateway, MANY)
        before = await reads(gateway)
        together = await seconds_until_told(gateway, many, watched, range(6, 11))
        assert await reads(gateway) - before < MANY / 10, "subscribers do not share their reads"
    sys.stdout.write(
        f"\na single one knows after {alone * 1000:.0f} ms, the last of {MANY} {together / alone:.0f} times as late\n"
    )


async def are_open(gateway: LoneGateway, count: int) -> None:
    """Wait until the gateway has exactly so many subscriptions."""

    async def look() -> bool:
        return await gateway.subscriptions() == count

    await eventually(look, seconds=100)


async def reads(gateway: LoneGateway) -> int:
    """How often tickets were looked up by their ids."""
    async with gateway.pool.connection() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        found: int = await connection.fetchval("SELECT idx_scan FROM pg_stat_user_tables WHERE relname = 'tickets'")
        return found
