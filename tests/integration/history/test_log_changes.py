"""The history of log entries against PostgreSQL: a row for each version, which add up to the entry."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiops_common.messaging.leases import Leases
from aiops_common.messaging.message import Delivery, new_message_id
from aiops_common.postgres import Pool
from aiops_contracts.base import ChangePage, JobFailure
from aiops_contracts.summarizer import ListLogChanges, LogSnapshot, SummarizeLog
from aiops_summarizer.raw_contents import RawContents
from aiops_summarizer.repository import LogRepository, RawContentRepository
from aiops_summarizer.service import SummarizerService
from integration.history.test_raw_contents import received
from support.content_keys import keyring

FAILURE = JobFailure(code="attempts_spent", message="it broke", attempts=5)
LINES = ("ERROR login failed for ada@example.com", "WARN disk at 91%", "INFO all is well", "ünïcode \\ \t", "")


@pytest.fixture(scope="session")
def summarizer(pools: dict[str, Pool]) -> SummarizerService:
    pool = pools["summarizer"]
    raw = RawContents(pool, RawContentRepository(), keyring())
    return SummarizerService(pool, LogRepository(), raw, print, None, Leases(pool, seconds=None))


def submitted(lines: list[str]) -> Delivery[SummarizeLog]:
    return received(SummarizeLog(source="web", content="\n".join(lines) or "x"), "partner:acme")


async def changes(service: SummarizerService, log_id: UUID) -> ChangePage:
    request = ListLogChanges(log_id=log_id, after=0, limit=1000)
    return await service.changes(
        Delivery(
            new_message_id(), request, "user:x", attempt=1, time=received(SummarizeLog(source="x", content="x")).time
        )
    )


def rebuilt(page: ChangePage, log_id: UUID) -> dict[str, Any]:
    state: dict[str, Any] = dict.fromkeys(LogSnapshot.model_fields)
    for change in page.changes:
        for name, (before, after) in change.delta.items():
            assert state[name] == before
            state[name] = after
    return {**state, "id": str(log_id), "version": page.changes[-1].version}


async def current(pools: dict[str, Pool], log_id: UUID) -> dict[str, Any]:
    async with pools["summarizer"].transaction() as connection:
        entry = await LogRepository().get_for_update(connection, log_id)
    return LogSnapshot.model_validate(entry).model_dump(mode="json")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.sampled_from(LINES), max_size=6),
    steps=st.lists(st.sampled_from(["summarize", "give_up"]), min_size=1, max_size=4),
)
async def test_all_deltas_add_up_to_the_current_row(
    summarizer: SummarizerService, pools: dict[str, Pool], lines: list[str], steps: list[str]
) -> None:
    delivery = submitted(lines)
    for step in steps:
        if step == "summarize":
            await summarizer.summarize(delivery)
        else:
            await summarizer.give_up(delivery, FAILURE)
    page = await changes(summarizer, delivery.id)
    # What was given up may still be summarized; what was summarized is neither given up nor summarized again.
    expected = list(dict.fromkeys(steps)) if steps[0] == "give_up" else ["summarize"]
    kinds = {"summarize": "log.summarized", "give_up": "log.summary_failed"}
    assert [change.kind for change in page.changes] == [kinds[step] for step in expected]
    assert [change.version for change in page.changes] == list(range(1, len(expected) + 1))
    assert rebuilt(page, delivery.id) == await current(pools, delivery.id)


async def test_the_history_holds_no_more_than_the_entry_may(summarizer: SummarizerService) -> None:
    delivery = submitted([LINES[0], "password=hunter2hunter2"])
    await summarizer.give_up(delivery, FAILURE)
    await summarizer.summarize(delivery)
    told = (await changes(summarizer, delivery.id)).model_dump_json()
    assert "ada@example.com" not in told
    assert "hunter2" not in told


async def test_nobody_has_a_history_that_does_not_exist(summarizer: SummarizerService) -> None:
    assert await changes(summarizer, new_message_id()) == ChangePage(changes=())
