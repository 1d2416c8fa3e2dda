"""Equal requests get equal answers: two gateways beside each other, and whatever was done meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from aiops_common.postgres import Pool
from aiops_contracts.base import JobState, Snapshot
from aiops_contracts.changelog import GenerateChangelog
from aiops_contracts.summarizer import SummarizeLog
from aiops_contracts.triage import TriageTicket
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.repository import read_model
from aiops_gateway.repository.read_model import CHANGELOGS, LOG_ENTRIES, TICKETS, Kind
from aiops_gateway.service.acceptance import Acceptance
from aiops_gateway.service.submissions import Submissions
from support.content_keys import keyring

SOMEBODY = Viewer(uuid4(), Role.OPS)
LOG = SummarizeLog(source="shop", content="ERROR login of jane.doe@example.org failed")
TICKET = TriageTicket(title="Printer", body="on fire", reporter_email="jane.doe@example.org")
CHANGELOG = GenerateChangelog.model_validate({"project": "shop", "commits": [{"message": "fix: totals"}]})

Ask = Callable[[Submissions], Awaitable[Snapshot]]
CASES: list[Any] = [
    pytest.param(LOG_ENTRIES, lambda one: one.summarize_log(SOMEBODY, LOG, "k"), id="summarizeLog"),
    pytest.param(TICKETS, lambda one: one.triage_ticket(SOMEBODY, TICKET, "k"), id="triageTicket"),
    pytest.param(CHANGELOGS, lambda one: one.generate_changelog(SOMEBODY, CHANGELOG, "k"), id="generateChangelog"),
]


def gateways(pool: Pool) -> list[Submissions]:
    # Each with a keyring of its own: what is sealed differs anyway each time, and is not what was asked.
    return [Submissions(Acceptance(pool, lambda _: None), keyring()) for _ in range(2)]


async def count(pool: Pool, table: str) -> int:
    async with pool.connection() as connection:
        total: int = await connection.fetchval(f"SELECT count(*) FROM {table}")
        return total


@pytest.mark.parametrize(("kind", "ask"), CASES)
async def test_a_hundred_at_once_are_one_entity_and_equal_answers(pool: Pool, kind: Kind[Any], ask: Ask) -> None:
    answers = await asyncio.gather(*(ask(gateway) for gateway in gateways(pool) for _ in range(50)))
    assert answers == [answers[0]] * 100
    assert [await count(pool, table) for table in (kind.table, "outbox", "idempotency_keys")] == [1, 1, 1]


@pytest.mark.parametrize(("kind", "ask"), CASES)
async def test_the_answer_stays_what_it_was_when_the_work_is_done(pool: Pool, kind: Kind[Any], ask: Ask) -> None:
    first = await ask(gateways(pool)[0])
    done = first.model_copy(
        update={"version": 1, "state": JobState.SUCCEEDED, "updated_at": first.updated_at.replace(year=2040)}
    )
    async with pool.transaction() as connection:
        await read_model.project(connection, kind, [done])
    assert await ask(gateways(pool)[1]) == first
    async with pool.connection() as connection:
        assert await read_model.get(connection, kind, first.id) == done
