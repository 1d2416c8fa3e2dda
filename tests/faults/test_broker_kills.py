"""The broker is killed; the services find back to it by themselves, and what was accepted is done once."""

import asyncio

import pytest

from support.eventually import eventually
from support.graphql import GraphqlClient, Json
from support.handing_in import count_rows, hand_in
from support.holding import held, until_held
from support.ledger import Ledger
from support.stack import RunningStack
from support.whole import pids, until_whole


@pytest.mark.timeout(240)
async def test_killed_amid_400_publishes(stack: RunningStack, admin: GraphqlClient, ledger: Ledger) -> None:
    handing_in = asyncio.create_task(hand_in(admin, "Amid publishes", 400))

    async def some_are_done() -> bool:
        return await count_rows(stack, "triage.tickets", "title LIKE 'Amid publishes %'") >= 20

    await eventually(some_are_done)
    await asyncio.to_thread(stack.stack.rabbitmq.kill)
    assert not handing_in.done()
    accepted = await handing_in
    await asyncio.to_thread(stack.stack.rabbitmq.start)
    balance = (await ledger.balance(accepted)).check()
    assert balance.counts == {"completed": 400}


async def test_killed_amid_a_handler(stack: RunningStack, admin: GraphqlClient, ledger: Ledger) -> None:
    async with held(stack, "INSERT", "triage", "tickets"):
        accepted = await hand_in(admin, "Amid a handler", 40)
        await until_held(stack, "triage")
        await asyncio.to_thread(stack.stack.rabbitmq.kill)
    # The handlers go on to their commit, and what they then acknowledge is a connection that is gone.
    await asyncio.to_thread(stack.stack.rabbitmq.start)
    balance = (await ledger.balance(accepted)).check()
    assert balance.counts == {"completed": 40}


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_five_restarts_in_a_row(stack: RunningStack, admin: GraphqlClient, ledger: Ledger) -> None:
    before = pids(stack)
    accepted: list[Json] = []
    for number in range(5):
        # By turns as a crash ends it and as an operator does.
        await asyncio.to_thread(stack.stack.rabbitmq.stop if number % 2 else stack.stack.rabbitmq.kill)
        accepted += await hand_in(admin, f"Restart {number}", 10)
        await asyncio.to_thread(stack.stack.rabbitmq.start)
    await until_whole(stack, seconds=30)
    balance = (await ledger.balance(accepted)).check()
    assert balance.counts == {"completed": 50}
    assert pids(stack) == before
