"""PostgreSQL and RabbitMQ stand still, and nobody is told: what has to end ends before an orchestrator kills it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import httpx
import pytest
import yaml

from aiops_local import postgres, rabbitmq
from aiops_local.services import SERVICES
from e2e import documents
from support.eventually import eventually
from support.freezing import freeze, thaw
from support.graphql import GraphqlClient, GraphqlErrors, Json
from support.ledger import Ledger
from support.manifests import K8S
from support.stack import RunningStack
from support.whole import make_whole

pytestmark = pytest.mark.timeout(300)  # five services end and start again

CLIENTS = 6
UNDER_WAY = 30
"""How much is done before the servers freeze, so that there is something in every hand."""

_POD = yaml.safe_load((K8S / "components/hardening/service.yaml").read_text(encoding="utf-8"))["spec"]["template"]
SECONDS = float(_POD["spec"]["terminationGracePeriodSeconds"])


@contextmanager
def frozen(stack: RunningStack) -> Iterator[None]:
    leaders = [stack.stack.processes.running(name) for name in (postgres.NAME, rabbitmq.NAME)]
    standing = [process for leader in leaders if leader is not None for process in freeze(leader)]
    try:
        yield
    finally:
        thaw(standing)


@asynccontextmanager
async def load(stack: RunningStack, admin: GraphqlClient) -> AsyncIterator[list[Json]]:
    """Log-ins, and tickets as they are accepted, without pause; refused they may be."""
    accepted: list[Json] = []
    account = {"email": stack.environment["ADMIN_EMAIL"], "password": stack.environment["ADMIN_PASSWORD"]}

    async def log_in() -> None:
        await stack.visitor.execute(documents.LOG_IN, input=account)

    async def hand_in() -> None:
        accepted.append(await documents.submit(admin, documents.TRIAGE_TICKET, title="Under way", body="b"))

    async def again_and_again(act: Callable[[], Awaitable[None]]) -> None:
        while True:
            with suppress(httpx.HTTPError, GraphqlErrors):
                await act()
            await asyncio.sleep(0.01)

    clients = [asyncio.create_task(again_and_again(act)) for _ in range(CLIENTS) for act in (log_in, hand_in)]
    try:
        yield accepted
    finally:
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)


async def test_all_services_told_to_end_at_once_end_in_time(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    async with load(stack, admin) as accepted:

        async def is_busy() -> bool:
            return len(accepted) >= UNDER_WAY

        await eventually(is_busy, seconds=60)
        ending = [process for name in SERVICES if (process := stack.stack.processes.running(name)) is not None]
        assert len(ending) == len(SERVICES)
        with frozen(stack):
            for process in ending:
                process.terminate()

            async def all_have_ended() -> bool:
                return not any(stack.stack.processes.running(name) for name in SERVICES)

            await eventually(all_have_ended, seconds=SECONDS)
    await make_whole(stack)
    balance = (await ledger.balance(accepted)).check()
    assert balance.counts == {"completed": len(accepted)}
    assert balance.letters == ()
