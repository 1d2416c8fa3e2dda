"""How much is pending, as a metric: per kind, with the age of the oldest, and unknown while PostgreSQL is away."""

import math
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from aiops_common.postgres import Pool
from aiops_common.sampling import Sampler
from aiops_contracts.base import JobState
from aiops_gateway.repository import backlog, read_model
from aiops_gateway.repository.read_model import CHANGELOGS, KINDS, LOG_ENTRIES, TICKETS
from aiops_gateway.service.backlog import pending_jobs
from integration.gateway.conftest import changelog, log, ticket
from support.eventually import eventually


@pytest.fixture
async def looking(pool: Pool) -> AsyncIterator[Sampler]:
    looking = pending_jobs(pool, every_seconds=0.05)
    yield looking
    await looking.stop()


def shown(name: str) -> dict[str, float]:
    values = {kind: REGISTRY.get_sample_value(name, {"kind": kind}) for kind in ("log", "ticket", "changelog")}
    return {kind: math.nan if value is None else value for kind, value in values.items()}


async def test_what_is_pending_is_shown_with_the_age_of_the_oldest(pool: Pool, looking: Sampler) -> None:
    made = datetime.now(UTC) - timedelta(seconds=90)
    old = log().model_copy(update={"created_at": made})
    async with pool.transaction() as connection:
        await read_model.project(connection, LOG_ENTRIES, [old, log(state=JobState.SUCCEEDED)])
        new = [ticket().model_copy(update={"created_at": datetime.now(UTC)}) for _ in range(3)]
        await read_model.project(connection, TICKETS, new)
        await read_model.project(connection, CHANGELOGS, [changelog("p", state=JobState.FAILED)])
    await looking.start()

    async def known() -> bool:
        return shown("aiops_pending_jobs") == {"log": 1, "ticket": 3, "changelog": 0}

    await eventually(known)
    ages = shown("aiops_pending_oldest_seconds")
    assert 90 <= ages["log"] < 150
    assert 0 <= ages["ticket"] < 60
    assert ages["changelog"] == 0


async def test_what_nobody_can_know_is_not_a_number() -> None:
    looking = pending_jobs(Pool("postgresql://nobody@127.0.0.1:1/none", acquire_seconds=0.1), every_seconds=0.05)
    await looking.start()

    async def unknown() -> bool:
        return all(map(math.isnan, shown("aiops_pending_jobs").values()))

    await eventually(unknown)
    await looking.stop()


async def test_the_count_is_bounded_and_goes_by_the_index_of_what_is_pending(pool: Pool) -> None:
    done = [ticket(version=1, state=JobState.SUCCEEDED) for _ in range(200)]
    async with pool.transaction() as connection:
        await read_model.project(connection, TICKETS, done)
        await read_model.project(connection, TICKETS, [ticket() for _ in range(8)])
    async with pool.connection() as connection:
        assert (await backlog.pending(connection, KINDS.values(), most=5))["ticket"][0] == 5
        await connection.execute("ANALYZE tickets")
        plan: list[Any] = await connection.fetch(
            "EXPLAIN SELECT created_at FROM tickets WHERE state = 'PENDING' ORDER BY created_at LIMIT 10"
        )
    assert "tickets_pending" in "\n".join(row[0] for row in plan)


async def test_each_kind_has_a_valid_index_of_what_is_pending(pool: Pool) -> None:
    async with pool.connection() as connection:
        valid = await connection.fetch(
            "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indisvalid"
            " AND indexrelid::regclass::text LIKE '%\\_pending' AND indpred IS NOT NULL"
        )
    assert {f"{kind.table}_pending" for kind in KINDS.values()} <= {row["name"] for row in valid}
