"""Accounts that are removed, API keys, and what auth wrote down: projected in any order, any number of times."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from aiops_common.messaging.message import Delivery
from aiops_common.postgres import Listener, Pool
from aiops_contracts.auth import (
    ApiKeyChanged,
    ApiKeySnapshot,
    Role,
    SecurityEvent,
    SecurityEventRecorded,
    UserChanged,
    UserRemoved,
    UserSnapshot,
)
from aiops_contracts.base import Event
from aiops_gateway.domain.paging import PageRequest, Position
from aiops_gateway.projections import Projector
from aiops_gateway.repository import accounts, api_keys, audit
from aiops_gateway.repository.audit import Condition
from aiops_gateway.repository.read_model import CHANGES_CHANNEL
from integration.gateway.conftest import listening, minute
from support.eventually import eventually

FIRST_PAGE = PageRequest.of(None, None, None, None)
PERSONAL = "jane.doe@example.org"


def user(identity: UUID, version: int) -> UserChanged:
    return UserChanged(
        user=UserSnapshot(
            id=identity, version=version, email=PERSONAL, display_name="Jane Doe", role=Role.ADMIN,
            created_at=minute(0), updated_at=minute(version),
        )
    )  # fmt: skip


def removed(identity: UUID, version: int) -> UserRemoved:
    return UserRemoved(user_id=identity, version=version, removed_at=minute(version))


def api_key(identity: UUID, version: int = 1, *, revoked: bool = False, digest: bytes = b"\1" * 32) -> ApiKeySnapshot:
    return ApiKeySnapshot(
        id=identity, version=version, name="robot", role=Role.OPS, digest=digest.hex(), created_by=uuid4(),
        created_at=minute(0), updated_at=minute(version), revoked_at=minute(version) if revoked else None,
    )  # fmt: skip


async def project(pool: Pool, *events: Event, together: bool = False) -> None:
    projector = Projector(pool)
    applied = [projector.apply(Delivery(uuid4(), event, "service:auth", 1, datetime.now(UTC))) for event in events]
    if together:
        await asyncio.gather(*applied)
    else:
        for one in applied:
            await one


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("together", [True, False])
async def test_a_removed_account_stays_removed_and_nothing_personal_stays(
    pool: Pool, order: tuple[int, ...], together: bool
) -> None:
    identity, other = uuid4(), uuid4()
    events = [user(identity, 1), user(identity, 2), removed(identity, 3)]
    await project(pool, user(other, 1), *(events[index] for index in order), together=together)
    async with pool.connection() as connection:
        assert await accounts.get_user(connection, identity) is None
        page, _ = await accounts.user_page(connection, FIRST_PAGE)
        assert ([one.id for one in page], await accounts.count_users(connection)) == ([other], 1)
        (row,) = await connection.fetch("SELECT users::text, version FROM users WHERE id = $1", identity)
    assert row["version"] == 3
    assert PERSONAL not in row["users"]
    assert "Jane" not in row["users"]


async def test_a_removal_is_told_to_every_gateway(pool: Pool, listener: Listener) -> None:
    identity, key = uuid4(), uuid4()
    told: list[str] = []
    listener.subscribe(CHANGES_CHANNEL, told.append)
    await listening(listener)
    await project(pool, removed(identity, 2), ApiKeyChanged(api_key=api_key(key)))

    async def both() -> bool:
        return {f"user:{identity}", f"apiKey:{key}"} <= set(told)

    await eventually(both)


async def test_overlapping_batches_of_two_gateways_do_not_wait_for_each_other_in_a_circle(pool: Pool) -> None:
    ids = [uuid4() for _ in range(50)]
    batches = [
        [event for identity in some for event in (user(identity, 1), removed(identity, 2))]
        for some in (ids, ids[::-1], ids[25:] + ids[:25])
    ]
    await asyncio.gather(*(project(pool, *batch, together=True) for batch in batches for _ in range(3)))
    async with pool.connection() as connection:
        assert await accounts.count_users(connection) == 0
        assert await connection.fetchval("SELECT count(*) FROM users WHERE version = 2") == 50


async def test_a_new_key_may_be_told_of_by_many_at_once(pool: Pool) -> None:
    for _ in range(40):
        key = api_key(uuid4(), digest=uuid4().bytes * 2)
        await asyncio.gather(*(project(pool, ApiKeyChanged(api_key=key)) for _ in range(10)))
    async with pool.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM api_keys") == 40


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 0, 1)])
async def test_a_revoked_key_stays_revoked(pool: Pool, order: tuple[int, ...]) -> None:
    identity = uuid4()
    versions = [api_key(identity), api_key(identity, 2, revoked=True)]
    await project(pool, *(ApiKeyChanged(api_key=versions[index]) for index in order))
    async with pool.connection() as connection:
        assert await api_keys.access(connection, b"\1" * 32) is None
        assert await api_keys.get(connection, identity) == versions[1]


async def test_a_key_is_found_by_its_whole_digest_only(pool: Pool) -> None:
    identity = uuid4()
    await project(pool, ApiKeyChanged(api_key=api_key(identity)))
    async with pool.connection() as connection:
        found = await api_keys.access(connection, b"\1" * 32)
        assert found is not None
        assert (found.id, found.role) == (identity, "OPS")
        assert await api_keys.access(connection, b"\1" * 31) is None
        assert await api_keys.access(connection, b"") is None


async def test_what_auth_recorded_is_kept_once_and_as_it_was(pool: Pool) -> None:
    event = SecurityEvent(
        id=uuid4(), at=minute(5), action="session.logged_in", outcome="OK", actor=f"user:{uuid4()}", subject=uuid4(),
        address="203.0.113.7", trace_id="0" * 31 + "1", details={"family": "x", "count": 3},
    )  # fmt: skip
    changed = event.model_copy(update={"outcome": "FAILED"})
    await project(pool, *(SecurityEventRecorded(event=one) for one in (event, event, changed, event)), together=True)
    await project(pool, SecurityEventRecorded(event=event))
    async with pool.connection() as connection:
        records, _ = await audit.JOURNAL.page(connection, FIRST_PAGE, Condition().terms())
    (record,) = records
    assert (record.id, record.at, record.principal, record.subject) == (event.id, event.at, event.actor, event.subject)
    assert (record.address, record.trace_id, record.details) == (event.address, event.trace_id, event.details)


async def test_records_are_paged_by_time_and_id_and_filtered(pool: Pool) -> None:
    actors = [f"user:{uuid4()}", f"key:{uuid4()}"]
    subject = uuid4()
    events = [
        SecurityEvent(
            id=uuid4(), at=minute(number // 3), action=("account.removed", "api_key.created")[number % 2],
            outcome=("OK", "BAD_CREDENTIALS")[number % 5 == 0], actor=actors[number % 2],
            subject=subject if number == 4 else None,
        )
        for number in range(30)
    ]  # fmt: skip
    await project(pool, *(SecurityEventRecorded(event=one) for one in events), together=True)
    newest_first = sorted(events, key=lambda one: (one.at, one.id), reverse=True)
    async with pool.connection() as connection:
        seen: list[UUID] = []
        after, more = None, True
        while more:
            rows, more = await audit.JOURNAL.page(connection, PageRequest.of(7, after, None, None), Condition().terms())
            seen += [row.id for row in rows]
            after = Position(rows[-1].at, rows[-1].id).cursor()
        assert seen == [one.id for one in newest_first]
        for condition, expected in (
            (Condition(principal=actors[1]), [one for one in newest_first if one.actor == actors[1]]),
            (Condition(action="account.removed"), [one for one in newest_first if one.action == "account.removed"]),
            (Condition(outcome="BAD_CREDENTIALS"), [one for one in newest_first if one.outcome != "OK"]),
            (Condition(subject=subject), [events[4]]),
            (Condition(since=minute(3), until=minute(5)), [one for one in newest_first if 3 <= _minute(one) < 5]),
            (Condition(principal=actors[0], subject=uuid4()), []),
        ):
            rows, more = await audit.JOURNAL.page(connection, PageRequest.of(100, None, None, None), condition.terms())
            assert [row.id for row in rows] == [one.id for one in expected]
            assert (more, await audit.JOURNAL.count(connection, condition.terms())) == (False, len(expected))


def _minute(event: SecurityEvent) -> int:
    return (event.at - minute(0)) // timedelta(minutes=1)
