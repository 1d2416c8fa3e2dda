"""SIGTERM: what is in hand is finished, the rest goes to whoever comes next, and nobody pays twice for an answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from e2e import documents
from support.eventually import eventually
from support.graphql import GraphqlClient, Json
from support.ledger import Ledger
from support.stack import RunningStack
from support.workers import ScriptedModel, scripted_model, start, stop, worker

pytestmark = pytest.mark.timeout(300)  # a dozen starts of a service, on a busy machine

RESTARTS = 10
CLIENTS = 3
ANSWER = {"kind": "delay", "seconds": 0.2}


@pytest.fixture
async def model(stack: RunningStack) -> AsyncIterator[ScriptedModel]:
    async with scripted_model(stack) as running:
        await running.play(ANSWER)
        yield running


@asynccontextmanager
async def load(client: GraphqlClient, title: str) -> AsyncIterator[list[Json]]:
    """Tickets that are handed in without pause, as they are accepted; a refusal fails the test."""
    accepted: list[Json] = []
    enough = asyncio.Event()

    async def hand_in() -> None:
        while not enough.is_set():
            accepted.append(await documents.submit(client, documents.TRIAGE_TICKET, title=title, body="b"))
            await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as clients:
        for _ in range(CLIENTS):
            clients.create_task(hand_in())
        try:
            yield accepted
        finally:
            enough.set()


async def asked_again(model: ScriptedModel, before: int) -> bool:
    """Whether the model has been busy since ``before`` were asked."""
    return await model.asked() > before


async def assert_done_once(stack: RunningStack, ledger: Ledger, model: ScriptedModel, accepted: list[Json]) -> None:
    balance = (await ledger.balance(accepted)).check()
    assert balance.counts == {"completed": len(accepted)}
    assert await stack.lengths("triage.dead", "triage.work") == {"triage.dead": 0, "triage.work": 0}
    assert await model.asked() == len(accepted)


async def test_sigterm_under_load(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger, model: ScriptedModel
) -> None:
    async with load(admin, "Under load") as accepted:
        for _ in range(2):
            await eventually(partial(asked_again, model, await model.asked()))
            await stop(stack)
            handed_in = len(accepted)

            async def waits(before: int = handed_in) -> bool:
                return len(accepted) > before + CLIENTS

            await eventually(waits)  # work is accepted all the same
            await start(stack, worker(stack))
    await assert_done_once(stack, ledger, model, accepted)


@pytest.mark.long
async def test_ten_rolling_restarts(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger, model: ScriptedModel
) -> None:
    names = ["triage", "triage-next"]
    try:
        async with load(admin, "Rolling") as accepted:
            for restart in range(RESTARTS):
                old, new = names[restart % 2], names[(restart + 1) % 2]
                await start(stack, worker(stack, new))
                await eventually(partial(asked_again, model, await model.asked()))
                await stop(stack, old)
        await assert_done_once(stack, ledger, model, accepted)
    finally:
        await stop(stack, "triage-next")
