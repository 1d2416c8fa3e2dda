"""Feature flags on a real PostgreSQL: changed by one of many, on record, and told in the same transaction."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from pydantic import ValidationError

from aiops_common.messaging.message import Delivery
from aiops_common.postgres import Pool
from aiops_contracts.base import FlagKind
from aiops_contracts.gateway import FeatureFlagChanged, ReplayFeatureFlags
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.domain.paging import PageRequest, Position
from aiops_gateway.service.acceptance import KeyReused
from aiops_gateway.service.answers import Answers
from aiops_gateway.service.audit import Audit
from aiops_gateway.service.feature_flags import FeatureFlags, FlagChange, FlagReply

ADMIN = Viewer(uuid4(), Role.ADMIN)
ADDRESS = "192.0.2.7"
SWITCHES = {"changelog.llm", "summarizer.llm", "triage.llm"}


@pytest.fixture
async def flags(pool: Pool) -> FeatureFlags:
    """Those of the migration, as they were made."""
    async with pool.connection() as connection:
        await connection.execute("DELETE FROM feature_flags WHERE version > 1 OR NOT key LIKE '%.llm'")
    return FeatureFlags(pool, Audit(pool), Answers(pool, wait_seconds=5))


async def change(flags: FeatureFlags, key: str = "shop.new", version: int = 0, **values: Any) -> FlagReply:
    return await flags.change(ADMIN, FlagChange(key=key, expected_version=version, **values), None, ADDRESS)


async def told(pool: Pool) -> list[FeatureFlagChanged]:
    async with pool.connection() as connection:
        rows = await connection.fetch("SELECT body, routing_key, exchange FROM outbox ORDER BY seq")
    assert {(row["exchange"], row["routing_key"]) for row in rows} <= {
        ("aiops.events", FeatureFlagChanged.message_type)
    }
    return [FeatureFlagChanged.model_validate(orjson.loads(row["body"])["data"]) for row in rows]


async def test_the_switches_are_there_from_the_start_and_on(flags: FeatureFlags) -> None:
    rows, more = await flags.page(PageRequest.of(10, None, None, None))
    assert {row.flag.key for row in rows} == SWITCHES
    assert not more
    assert {(row.flag.kind, row.flag.enabled, row.flag.percentage, row.flag.version) for row in rows} == {
        (FlagKind.BOOLEAN, True, 100, 1)
    }
    assert await flags.count() == 3


async def test_a_new_flag_is_kept_told_and_on_record(flags: FeatureFlags, pool: Pool) -> None:
    reply = await change(flags, value="offer/v2", percentage=10, roles=(Role.OPS,), allow_list=("user:1",))
    assert reply.outcome == "OK"
    assert reply.stored is not None
    flag = reply.stored.flag
    assert (flag.kind, flag.value, flag.percentage, flag.roles, flag.allow) == (
        *(FlagKind.STRING, "offer/v2", 10, ("OPS",), ("user:1",)),
    )
    assert (flag.version, flag.enabled, reply.stored.updated_by) == (1, True, ADMIN.principal)
    assert await flags.get(reply.stored.id) == reply.stored
    assert [event.flag for event in await told(pool)] == [flag]
    async with pool.connection() as connection:
        record = await connection.fetchrow("SELECT * FROM audit_log")
    assert (record["action"], record["outcome"], record["principal"]) == ("setFeatureFlag", "OK", ADMIN.principal)
    details = orjson.loads(record["details"])
    assert (details["flag"], details["version"], details["value"], details["allowed"]) == (
        *("shop.new", 1, "offer/v2", 1),
    )
    assert details["changes"] == ["percentage", "roles", "allow_list", "value"]
    assert "user:1" not in record["details"].decode()


async def test_lists_have_each_of_theirs_once_and_an_end(flags: FeatureFlags) -> None:
    reply = await change(flags, roles=(Role.OPS, Role.ADMIN, Role.OPS), allow_list=("user:1", "user:1"))
    assert reply.stored is not None
    assert (reply.stored.flag.roles, reply.stored.flag.allow) == (("OPS", "ADMIN"), ("user:1",))
    for too_many in ({"roles": (Role.OPS,) * 21}, {"allow_list": ("user:1",) * 1001}):
        with pytest.raises(ValidationError):
            await change(flags, "shop.more", **too_many)


async def test_a_slow_clock_makes_no_change_look_old(pool: Pool) -> None:
    times = [datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in (3, 2, 1)]
    slow = FeatureFlags(pool, Audit(pool), Answers(pool, wait_seconds=5), clock=lambda: times.pop(0))
    replies = [await change(slow, "shop.slow", version, enabled=True) for version in range(3)]
    stored = [reply.stored.flag for reply in replies if reply.stored is not None]
    assert [flag.version for flag in stored] == [1, 2, 3]
    assert stored[0].updated_at < stored[1].updated_at < stored[2].updated_at
    assert [event.flag for event in await told(pool)] == stored


async def test_a_switch_that_is_thrown_keeps_the_rest(flags: FeatureFlags) -> None:
    await change(flags, percentage=30, roles=(Role.OPS,), description="New offers.")
    off = await change(flags, version=1, enabled=False)
    on = await change(flags, version=2, enabled=True)
    assert off.stored is not None
    assert on.stored is not None
    assert (off.stored.flag.enabled, on.stored.flag.enabled, on.stored.flag.version) == (False, True, 3)
    for stored in (off.stored, on.stored):
        assert (stored.flag.percentage, stored.flag.roles, stored.description) == (30, ("OPS",), "New offers.")


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [
        ({"key": "shop.none", "version": 1, "enabled": False}, "NOT_FOUND"),
        ({"version": 7, "enabled": False}, "VERSION_CONFLICT"),
        ({"version": 0, "enabled": False}, "VERSION_CONFLICT"),
        ({"version": 1, "value": "offer/v2"}, "NO_VALUE"),
    ],
)
async def test_what_is_refused_changes_and_tells_nothing(
    flags: FeatureFlags, pool: Pool, asked: dict[str, Any], outcome: str
) -> None:
    made = await change(flags)
    reply = await change(flags, **asked)
    assert reply.outcome == outcome
    assert reply.stored == (None if outcome == "NOT_FOUND" else made.stored)
    assert len(await told(pool)) == 1
    async with pool.connection() as connection:
        assert outcome in [row["outcome"] for row in await connection.fetch("SELECT outcome FROM audit_log")]


@pytest.mark.parametrize("version", [0, 1])
async def test_of_many_at_once_one_wins(flags: FeatureFlags, pool: Pool, version: int) -> None:
    if version:
        await change(flags)
    replies = await asyncio.gather(*(change(flags, version=version, percentage=number) for number in range(8)))
    assert sorted(reply.outcome for reply in replies) == ["OK", *["VERSION_CONFLICT"] * 7]
    (winner,) = (reply.stored for reply in replies if reply.outcome == "OK")
    assert all(reply.stored == winner for reply in replies)
    assert len(await told(pool)) == version + 1


async def test_a_repetition_gets_the_same_answer_and_another_input_is_refused(flags: FeatureFlags, pool: Pool) -> None:
    asked = FlagChange(key="shop.new", percentage=5, expected_version=0)
    key = f"key {uuid4()}"
    once = await flags.change(ADMIN, asked, key, ADDRESS)
    assert await flags.change(ADMIN, asked, key, ADDRESS) == once
    assert once.outcome == "OK"
    assert len(await told(pool)) == 1
    with pytest.raises(KeyReused):
        await flags.change(ADMIN, asked.model_copy(update={"percentage": 6}), key, ADDRESS)


async def test_whoever_asks_gets_all_in_pages(flags: FeatureFlags) -> None:
    await change(flags, key="a.first")
    await change(flags, key="z.last", value="x")
    keys: list[str] = []
    after: str | None = None
    while True:
        request = ReplayFeatureFlags(after=after, limit=2)
        page = await flags.replay(Delivery(UUID(int=1), request, "service:triage", 1, datetime.now(UTC)))
        assert len(page.snapshots) <= 2
        keys += [flag.key for flag in page.snapshots]
        if page.next_after is None:
            break
        after = page.next_after
    assert keys == ["a.first", "changelog.llm", "summarizer.llm", "triage.llm", "z.last"]


async def test_the_list_goes_on_where_it_was(flags: FeatureFlags) -> None:
    await change(flags, key="a.newest")
    first, more = await flags.page(PageRequest.of(2, None, None, None))
    assert more
    assert first[0].flag.key == "a.newest"
    cursor = Position(first[-1].created_at, first[-1].id).cursor()
    rest, more = await flags.page(PageRequest.of(2, cursor, None, None))
    assert not more
    assert {row.flag.key for row in (*first, *rest)} == {*SWITCHES, "a.newest"}
