"""One stack for all fault tests; each test finds it whole, with empty dead queues, and leaves it to be made whole."""

from collections.abc import AsyncIterator, Generator, Iterator

import pytest

from aiops_local.services import SERVICES
from support.administrator import administrator, show_logs
from support.graphql import GraphqlClient
from support.ledger import Ledger
from support.queues import purge
from support.stack import RunningStack, running_stack
from support.whole import make_whole

DEAD = tuple(f"{service}.dead" for service in SERVICES)


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    with running_stack() as running:
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the services said last beside a test that failed."""
    report = yield
    show_logs(item, report)
    return report


@pytest.fixture(scope="session")
async def admin(stack: RunningStack) -> GraphqlClient:
    return await administrator(stack)


@pytest.fixture
def ledger(stack: RunningStack) -> Ledger:
    return Ledger(
        stack.environment["DATABASE_URL"], stack.amqp_url, management_url=stack.environment["RABBITMQ_MANAGEMENT_URL"]
    )


@pytest.fixture(autouse=True)
async def whole(stack: RunningStack, admin: GraphqlClient) -> AsyncIterator[None]:
    """Every part runs before a test, however the one before it ended, and nothing is dead."""
    await make_whole(stack)
    await purge(stack.amqp_url, *DEAD)
    yield
    await make_whole(stack)
