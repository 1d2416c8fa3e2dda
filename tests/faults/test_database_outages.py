"""PostgreSQL is restarted amid transactions or stays away: nothing is spent, nothing is dead-lettered."""

import asyncio

import pytest

from support.graphql import GraphqlClient
from support.handing_in import attempts, hand_in
from support.holding import held, until_held
from support.ledger import Ledger
from support.stack import RunningStack
from support.whole import pids


@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_restarted_amid_a_transaction(
    how: str, stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    before = pids(stack)
    async with held(stack, "INSERT", "triage", "tickets"):
        accepted = await hand_in(admin, f"Amid a transaction, {how}", 40)
        await until_held(stack, "triage")
        server = stack.stack.postgres
        await asyncio.to_thread(server.stop if how == "stopped" else server.kill)
    await asyncio.to_thread(stack.stack.postgres.start)
    balance = (await ledger.balance(accepted)).check()
    assert balance.counts == {"completed": 40}
    assert balance.letters == ()
    assert set((await attempts(stack, accepted)).values()) == {1}
    assert pids(stack) == before


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_away_for_two_minutes(stack: RunningStack, admin: GraphqlClient, ledger: Ledger) -> None:
    before = pids(stack)
    async with held(stack, "INSERT", "triage", "tickets"):
        accepted = await hand_in(admin, "Two minutes", 100)  # more than triage takes at once
        await until_held(stack, "triage")
        await asyncio.to_thread(stack.stack.postgres.kill)
    await asyncio.sleep(120)  # not for something to happen: the length of the outage is what is tested
    await asyncio.to_thread(stack.stack.postgres.start)
    balance = (await ledger.balance(accepted)).check()
    assert balance.counts == {"completed": 100}
    assert balance.letters == ()
    assert set((await attempts(stack, accepted)).values()) == {1}
    assert pids(stack) == before
