"""API keys and removed accounts after a rebuild: what auth does not list any more lets nobody in."""

from datetime import datetime
from typing import TypeVar
from uuid import UUID, uuid4

import pytest

from aiops_common.messaging.message import Delivery
from aiops_common.postgres import Listener, Pool
from aiops_contracts.auth import (
    ApiKeySnapshot,
    ReplayApiKeys,
    ReplayedApiKeys,
    ReplayedUsers,
    ReplayUsers,
    Role,
    UserRemoved,
    UserSnapshot,
)
from aiops_gateway.domain.parts import Part
from aiops_gateway.repository import accounts, api_keys
from aiops_gateway.repository.read_model import CHANGES_CHANNEL
from aiops_gateway.service.rebuild import Progress, Rebuild
from integration.gateway.conftest import listening, minute
from integration.gateway.owners import Owners, empty_owners
from support.eventually import eventually

R = TypeVar("R", UserSnapshot, ApiKeySnapshot)


def account(version: int = 1, identity: UUID | None = None) -> UserSnapshot:
    identity = identity or uuid4()
    return UserSnapshot(
        id=identity, version=version, email=f"{identity}@example.com", display_name="Somebody", role=Role.ADMIN,
        created_at=minute(0), updated_at=minute(version),
    )  # fmt: skip


def key(version: int = 1, identity: UUID | None = None, revoked_at: datetime | None = None) -> ApiKeySnapshot:
    identity = identity or uuid4()
    return ApiKeySnapshot(
        id=identity, version=version, name="robot", role=Role.OPS, digest=identity.bytes.hex() * 2, created_by=uuid4(),
        created_at=minute(0), updated_at=minute(version), revoked_at=revoked_at,
    )  # fmt: skip


class Auth:
    """Lists these accounts and keys, two on a page."""

    def __init__(self, owners: Owners) -> None:
        self.users: list[UserSnapshot] = []
        self.keys: list[ApiKeySnapshot] = []
        owners.answer(ReplayUsers, self._users)
        owners.answer(ReplayApiKeys, self._keys)

    async def _users(self, delivery: Delivery[ReplayUsers]) -> ReplayedUsers:
        page, after = _page(self.users, delivery.message.after)
        return ReplayedUsers(snapshots=tuple(page), next_after=after)

    async def _keys(self, delivery: Delivery[ReplayApiKeys]) -> ReplayedApiKeys:
        page, after = _page(self.keys, delivery.message.after)
        return ReplayedApiKeys(snapshots=tuple(page), next_after=after)


def _page(rows: list[R], after: UUID | None) -> tuple[list[R], UUID | None]:
    left = sorted((row for row in rows if after is None or row.id > after), key=lambda row: row.id)
    return left[:2], left[1].id if len(left) > 2 else None


@pytest.fixture
async def auth(pools: dict[str, Pool], pool: Pool) -> tuple[Auth, Rebuild]:
    await empty_owners(pools)
    owners = Owners(pools)
    return Auth(owners), Rebuild(pool, owners, patience_seconds=0.5)


async def run(rebuild: Rebuild, part: Part, *, from_empty: bool = False) -> Progress:
    (done,) = [progress async for progress in rebuild.run([part], from_empty=from_empty) if progress.done]
    return done


async def listed(pool: Pool) -> set[UUID]:
    async with pool.connection() as connection:
        rows = await connection.fetch("SELECT id FROM users WHERE removed_at IS NULL")
    return {row["id"] for row in rows}


async def usable(pool: Pool) -> set[UUID]:
    async with pool.connection() as connection:
        rows = await connection.fetch("SELECT id FROM api_keys WHERE revoked_at IS NULL")
    return {row["id"] for row in rows}


@pytest.mark.parametrize("from_empty", [True, False])
async def test_an_account_that_auth_does_not_list_any_more_is_removed_and_told(
    pool: Pool, auth: tuple[Auth, Rebuild], listener: Listener, from_empty: bool
) -> None:
    owner, rebuild = auth
    kept, gone, new = [account() for _ in range(4)], account(3), account()
    async with pool.connection() as connection:
        await accounts.project_users(connection, [*kept, gone])
    owner.users = [*kept, new]
    told: list[str] = []
    listener.subscribe(CHANGES_CHANNEL, told.append)
    await listening(listener)
    done = await run(rebuild, Part.USERS, from_empty=from_empty)
    assert await listed(pool) == {one.id for one in (*kept, new)}
    assert done.rows_read == 5
    if not from_empty:
        assert done.rows_changed == 2

    async def forgotten() -> bool:
        return f"user:{gone.id}" in told

    await eventually(forgotten)
    async with pool.connection() as connection:
        await accounts.project_users(connection, [UserRemoved(user_id=gone.id, version=4, removed_at=minute(9))])
        if not from_empty:
            await accounts.project_users(connection, [gone])
    assert gone.id not in await listed(pool)


@pytest.mark.parametrize("from_empty", [True, False])
async def test_an_older_event_does_not_bring_a_removed_account_back_after_a_rebuild(
    pool: Pool, auth: tuple[Auth, Rebuild], from_empty: bool
) -> None:
    owner, rebuild = auth
    gone = account(3)
    removal = UserRemoved(user_id=gone.id, version=4, removed_at=minute(9))
    async with pool.connection() as connection:
        await accounts.project_users(connection, [gone])
        await accounts.project_users(connection, [removal])
    owner.users = [account()]
    await run(rebuild, Part.USERS, from_empty=from_empty)
    async with pool.connection() as connection:
        await accounts.project_users(connection, [gone])
    assert await listed(pool) == {one.id for one in owner.users}


async def test_an_account_that_comes_while_auth_answers_is_not_removed(pool: Pool, auth: tuple[Auth, Rebuild]) -> None:
    owner, rebuild = auth
    owner.users = [account() for _ in range(5)]
    # Its id stands before what was listed already when it is made, and its event is faster than the last page.
    late = account(identity=UUID(int=1))
    async for progress in rebuild.run([Part.USERS]):
        if progress.rows_read == 2:
            async with pool.connection() as connection:
                await accounts.project_users(connection, [late])
    assert late.id in await listed(pool)
    assert len(await listed(pool)) == 6


async def test_a_removal_that_is_told_while_auth_answers_stays(pool: Pool, auth: tuple[Auth, Rebuild]) -> None:
    owner, rebuild = auth
    one = account(2)
    owner.users = [one]
    async with pool.connection() as connection:
        await accounts.project_users(connection, [UserRemoved(user_id=one.id, version=3, removed_at=minute(3))])
    await run(rebuild, Part.USERS)
    assert await listed(pool) == set()


@pytest.mark.parametrize("from_empty", [True, False])
async def test_api_keys_are_rebuilt_and_unknown_ones_let_nobody_in(
    pool: Pool, auth: tuple[Auth, Rebuild], from_empty: bool
) -> None:
    owner, rebuild = auth
    good, foreign, damaged, revoked = key(), key(), key(2), key(2, revoked_at=minute(2))
    owner.keys = [good, damaged, revoked]
    async with pool.connection() as connection:
        await api_keys.project(connection, [foreign, damaged.model_copy(update={"role": Role.ADMIN})])
        await api_keys.project(connection, [revoked.model_copy(update={"version": 1, "revoked_at": None})])
    await run(rebuild, Part.API_KEYS, from_empty=from_empty)
    assert await usable(pool) == {good.id, damaged.id}
    async with pool.connection() as connection:
        assert await api_keys.get(connection, damaged.id) == damaged
        assert await api_keys.get(connection, revoked.id) == revoked
    assert (await run(rebuild, Part.API_KEYS)).rows_changed == 0
