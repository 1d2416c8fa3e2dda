"""How much waits in the outbox: as PostgreSQL says, up to a bound, and unknown while it is away."""

import math
from uuid import uuid4

import pytest

from aiops_common import sampling
from aiops_common.messaging import outbox
from aiops_common.messaging.message import Outgoing
from aiops_common.messaging.outbox_backlog import outbox_backlog
from aiops_common.postgres import Pool
from support.eventually import eventually
from support.metrics import value


@pytest.fixture
async def pool(pools: dict[str, Pool]) -> Pool:
    async with pools["changelog"].connection() as connection:
        await connection.execute("TRUNCATE outbox")
    return pools["changelog"]


def messages(count: int) -> list[Outgoing]:
    return [Outgoing(uuid4(), "aiops.events", "changelog.changelog_generated.v1", b"{}") for _ in range(count)]


async def write(pool: Pool, waiting: list[Outgoing], age: float) -> None:
    async with pool.transaction() as connection:
        await outbox.append(connection, waiting)
        await connection.execute(
            "UPDATE outbox SET created_at = now() - make_interval(secs => $1) WHERE id = ANY($2)",
            age,
            [message.id for message in waiting],
        )


async def test_what_waits_is_counted_and_the_oldest_is_told(pool: Pool) -> None:
    async with pool.connection() as connection:
        assert await outbox.backlog(connection, at_most=10) == outbox.Backlog(0, 0.0)
    first = messages(3)
    await write(pool, first, age=600)
    await write(pool, messages(9), age=60)
    async with pool.connection() as connection:
        found = await outbox.backlog(connection, at_most=10)
        assert found.count == 10
        assert found.oldest_seconds == pytest.approx(600, abs=30)
        await connection.execute("UPDATE outbox SET sent_at = now() WHERE id = ANY($1)", [one.id for one in first])
        found = await outbox.backlog(connection, at_most=10)
        assert found.count == 9
        assert found.oldest_seconds == pytest.approx(60, abs=30)


async def test_the_index_of_what_is_unsent_is_used_whatever_else_there_is(pool: Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            "INSERT INTO outbox (id, exchange, routing_key, body, sent_at) "
            "SELECT gen_random_uuid(), 'e', 'k', '', CASE WHEN n % 2 = 0 THEN now() END "
            "FROM generate_series(1, 40000) AS n"
        )
        await connection.execute("ANALYZE outbox")
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {outbox.BACKLOG}", 10_000))
        assert plan.count("outbox_unsent") == 2
        assert "Seq Scan" not in plan
        assert (await outbox.backlog(connection, at_most=10_000)).count == 10_000
        await connection.execute("TRUNCATE outbox")


async def test_the_gauges_follow_and_know_nothing_without_a_database(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "MAX_PAUSE_SECONDS", 0.2)
    await write(pool, messages(4), age=100)

    async def pending(wanted: float) -> None:
        async def shown() -> bool:
            now = value("aiops_outbox_pending")
            return now is not None and (math.isnan(now) if math.isnan(wanted) else now == wanted)

        await eventually(shown)

    backlog = outbox_backlog(pool, every_seconds=0.05)
    await backlog.start()
    try:
        await pending(4)
        assert (value("aiops_outbox_oldest_seconds") or 0) > 90
        async with pool.connection() as connection:
            await connection.execute("ALTER TABLE outbox RENAME TO away")
            await pending(math.nan)
            await connection.execute("ALTER TABLE away RENAME TO outbox")
        await pending(4)
    finally:
        await backlog.stop()
    await pending(math.nan)


async def test_a_database_that_is_not_there_holds_up_nothing() -> None:
    pool = Pool("postgresql://nobody@127.0.0.1:1/none", name="test-backlog")
    backlog = outbox_backlog(pool, every_seconds=0.05)
    await backlog.start()
    assert math.isnan(value("aiops_outbox_pending") or 0)
    await backlog.stop()
