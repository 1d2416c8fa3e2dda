"""What a process knows of flags while notifications are lost, and while the database is away."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from structlog.testing import capture_logs

from aiops_common.flags import KnownFlags, table
from aiops_common.lifecycle import running
from aiops_common.postgres import DatabaseUnavailable, Listener, Pool
from aiops_common.testing.flags import flag
from support.eventually import eventually
from support.lone_gateway import free_port

SWITCH = "shop.llm"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
async def pool(pools: dict[str, Pool]) -> AsyncIterator[Pool]:
    """Changelog's schema, in which nothing is known."""
    async with pools["changelog"].connection() as connection:
        await connection.execute("TRUNCATE feature_flags")
    yield pools["changelog"]
    async with pools["changelog"].connection() as connection:
        await connection.execute("TRUNCATE feature_flags")


def known_flags(pool: Pool, first_look_seconds: float = 20.0) -> KnownFlags:
    """With a listener that never listens."""
    listener = Listener("postgresql://nobody@localhost/none")
    return KnownFlags(pool, listener, schema="changelog", poll_seconds=0.05, first_look_seconds=first_look_seconds)


async def test_a_change_is_seen_though_its_notification_is_lost(pool: Pool) -> None:
    known = known_flags(pool)
    async with running([known]):
        await known.ready()
        assert known.current == {}
        for version in (1, 2):
            switched = flag(SWITCH, version=version, enabled=version == 1, roles=("OPS",), allow=("user:1",))
            async with pool.transaction() as connection:
                assert await table.keep(connection, [switched]) == [SWITCH]

            async def look(wanted: object = switched) -> bool:
                return known.current.get(SWITCH) == wanted

            await eventually(look)


async def test_a_switch_is_thrown_though_a_connection_answers_no_more(
    pool: Pool, service_database_urls: dict[str, str]
) -> None:
    own = Pool(service_database_urls["changelog"], max_size=2, name="test-known-flags")
    known = known_flags(own)
    async with running([own, known]):
        await known.ready()
        async with own.connection() as connection:
            backend = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
        backend.suspend()
        try:
            async with pool.transaction() as connection:
                await table.keep(connection, [flag(SWITCH)])

            async def look() -> bool:
                return SWITCH in known.current

            await eventually(look)
        finally:
            backend.resume()


async def test_of_several_versions_at_once_the_newest_is_kept_and_older_ones_change_nothing(pool: Pool) -> None:
    newest = flag(SWITCH, version=3, value="x")
    async with pool.transaction() as connection:
        assert await table.keep(connection, [flag(SWITCH, version=2), newest, flag(SWITCH, version=1)]) == [SWITCH]
        assert await table.keep(connection, [flag(SWITCH, version=3), flag(SWITCH, version=2)]) == []
        assert await table.keep(connection, []) == []
        assert await table.read(connection, {}) == ({SWITCH: newest}, [])


async def test_after_the_owner_forgot_its_last_versions_a_change_still_counts(pool: Pool) -> None:
    thrown = flag(SWITCH, version=5, enabled=False, updated_at=NOON)
    restored = flag(SWITCH, version=3, updated_at=NOON - timedelta(hours=1))
    changed = flag(SWITCH, version=4, updated_at=NOON + timedelta(hours=1))
    async with pool.transaction() as connection:
        assert await table.keep(connection, [thrown]) == [SWITCH]
        assert await table.keep(connection, [restored]) == []
        assert await table.keep(connection, [changed, thrown]) == [SWITCH]
        assert await table.keep(connection, [thrown, restored]) == []
        assert await table.read(connection, {SWITCH: thrown}) == ({SWITCH: changed}, [])


async def test_what_a_later_release_wrote_keeps_no_switch_from_being_thrown(pool: Pool) -> None:
    known = known_flags(pool)
    async with pool.transaction() as connection:
        await table.keep(connection, [flag(SWITCH), flag("shop.other", roles=("OPS",))])
    await known.look()
    async with pool.transaction() as connection:
        await table.keep(connection, [flag(SWITCH, version=2, enabled=False)])
        await connection.execute(
            """UPDATE feature_flags SET version = 2, roles = '["of another kind"]' WHERE key = 'shop.other'"""
        )
    with capture_logs() as lines:
        await known.look()
        await known.look()
    assert not known.current[SWITCH].enabled
    assert known.current["shop.other"] == flag("shop.other", roles=("OPS",))
    assert [line["flag"] for line in lines if line["event"] == "flags.not_understood"] == ["shop.other"]
    fresh = known_flags(pool)
    await fresh.look()
    assert fresh.current.keys() == {SWITCH}


async def test_before_the_first_look_work_is_told_that_the_database_is_away() -> None:
    away = Pool(f"postgresql://nobody@127.0.0.1:{free_port()}/none", acquire_seconds=0.1, name="test-away")
    known = known_flags(away, first_look_seconds=0.2)
    async with running([known]):
        with pytest.raises(DatabaseUnavailable, match="feature flags"):
            await known.ready()
