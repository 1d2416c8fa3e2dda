"""The way between triage and the broker is bad; what was accepted is done once."""

import asyncio

import pytest

from aiops_common.testing.tcp_proxy import Faults
from support.behind_proxy import behind_proxy
from support.eventually import eventually
from support.graphql import GraphqlClient
from support.handing_in import hand_in
from support.holding import held, until_held
from support.ledger import Ledger
from support.stack import RunningStack
from support.whole import broker_check

HEARTBEAT_SECONDS = 10


@pytest.mark.timeout(240)
async def test_a_black_hole_is_noticed_within_the_heartbeat(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    async with behind_proxy(stack, "triage") as proxy:
        async with held(stack, "INSERT", "triage", "tickets"):
            accepted = await hand_in(admin, "Into the hole", 20)
            await until_held(stack, "triage")
            proxy.faults = Faults(black_hole=True)
        # Now 20 tickets are committed; neither their acknowledgements nor their events arrive anywhere.
        accepted += await hand_in(admin, "Beside the hole", 20)

        async def noticed() -> bool:
            return (await stack.ready("triage"))[0] == 503

        # The broker and the client each give up two missed heartbeats later; twice that is no matter of luck.
        await eventually(noticed, seconds=4 * HEARTBEAT_SECONDS)
        assert await broker_check(stack, "triage") != "ok"
        proxy.faults = Faults()
        balance = (await ledger.balance(accepted)).check()
        assert balance.counts == {"completed": 40}
        assert await broker_check(stack, "triage") == "ok"


@pytest.mark.timeout(240)
async def test_slow_sliced_and_reset_again_and_again(stack: RunningStack, admin: GraphqlClient, ledger: Ledger) -> None:
    async with behind_proxy(stack, "triage") as proxy:
        proxy.faults = Faults(latency_seconds=0.02, slice_bytes=100, bytes_per_second=2_000_000)
        handing_in = asyncio.create_task(hand_in(admin, "On a bad line", 200))
        resets = 0
        while resets < 5:

            async def connected() -> bool:
                return proxy.connections >= 2  # one to consume, one to publish

            await eventually(connected)
            await asyncio.sleep(0.3)  # so that some of the work is on the line
            resets += await proxy.reset_all() > 0
        balance = (await ledger.balance(await handing_in)).check()
        assert balance.counts == {"completed": 200}
