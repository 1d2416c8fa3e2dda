"""One stack for the tests that look at what running services tell of themselves."""

from collections.abc import AsyncIterator, Generator

import pytest

from e2e import documents
from support.administrator import administrator, show_logs
from support.stack import RunningStack, running_stack


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[RunningStack]:
    """A stack, with a Jaeger if there is one, after a log-in, a ticket and an answer of a language model."""
    with running_stack(traced=True) as running:
        await running.serve("triage", scripted_llm=True, environment={"TRIAGE_LLM_FOR": "all"})
        admin = await administrator(running)
        await documents.triaged(admin, title="The printer burns", body="There is smoke.")
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the services said last beside a test that failed."""
    report = yield
    show_logs(item, report)
    return report
