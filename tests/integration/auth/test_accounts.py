"""What the database decides: one account per address, one administrator at least, one signing key, one lock."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from aiops_auth.passwords import Passwords
from aiops_auth.service import ensure_first_admin, set_user_role
from aiops_common.postgres import Pool
from aiops_contracts.auth import AuthReply, Role, SetUserRole
from integration.auth.administrators import add_admin
from integration.auth.running import PASSWORD, Running, delivery, new_email, now, running


async def set_role(auth: Running, user_id: UUID, role: Role, expected_version: int, changed_by: UUID) -> AuthReply:
    request = SetUserRole(user_id=user_id, role=role, expected_version=expected_version, changed_by=changed_by)
    return await set_user_role(auth.means, delivery(request))


async def without_accounts(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await connection.execute("TRUNCATE accounts CASCADE")


async def test_of_simultaneous_sign_ups_one_gets_the_address(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    email = new_email()
    replies = await asyncio.gather(*(auth.sign_up(spelling) for spelling in [email, email.upper()] * 5))
    assert sorted(reply.outcome for reply in replies) == ["EMAIL_TAKEN"] * 9 + ["OK"]
    async with auth_pool.connection() as connection:
        user = next(answer.reply.user for answer in replies if answer.reply.user)
        events = await connection.fetchval(
            "SELECT count(*) FROM outbox WHERE routing_key = 'auth.user_changed.v1' "
            "AND convert_from(body, 'UTF8')::jsonb ->> 'subject' = $1",
            str(user.id),
        )
    assert events == 1


async def test_the_index_refuses_a_second_spelling(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    email = new_email()
    made = (await auth.sign_up(email)).reply.user
    assert made is not None
    with pytest.raises(asyncpg.UniqueViolationError):
        async with auth_pool.transaction() as connection:
            await connection.execute(
                "INSERT INTO accounts SELECT gen_random_uuid(), version, upper(email), display_name, role, "
                "password_hash, created_at, updated_at FROM accounts WHERE id = $1",
                made.id,
            )


async def test_two_administrators_cannot_both_step_down_at_once(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    admins = [await add_admin(auth_pool) for _ in range(2)]
    replies = await asyncio.gather(*(set_role(auth, one, Role.VIEWER, 1, one) for one in admins))
    assert sorted(reply.outcome for reply in replies) == ["INVALID_INPUT", "OK"]


async def test_of_administrators_who_demote_each_other_at_once_the_first_is_heard(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    for _ in range(10):
        one, other, *_ = [await add_admin(auth_pool) for _ in range(3)]
        replies = await asyncio.gather(
            set_role(auth, one, Role.VIEWER, 1, other), set_role(auth, other, Role.VIEWER, 1, one)
        )
        assert sorted(reply.outcome for reply in replies) == ["FORBIDDEN", "OK"]


async def test_of_simultaneous_changes_at_one_version_one_wins(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    root, user = await add_admin(auth_pool), (await auth.sign_up(new_email())).reply.user
    assert user is not None
    replies = await asyncio.gather(*(set_role(auth, user.id, role, 1, root) for role in (Role.OPS, Role.HR) * 3))
    assert sorted(reply.outcome for reply in replies) == ["OK"] + ["VERSION_CONFLICT"] * 5
    winner = next(reply.user for reply in replies if reply.outcome == "OK")
    assert all(reply.user == winner for reply in replies), "a conflict shows the present user"


async def test_services_that_start_together_make_one_key_and_one_administrator(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    await without_accounts(auth_pool)
    async with auth_pool.transaction() as connection:
        await connection.execute("DELETE FROM signing_keys; DELETE FROM credential_keys")
    email = new_email()
    await asyncio.gather(*(auth.keys.ensure() for _ in range(8)))
    await asyncio.gather(*(auth.means.credentials.ensure_key() for _ in range(8)))
    await asyncio.gather(*(ensure_first_admin(auth.means, email, PASSWORD) for _ in range(8)))
    async with auth_pool.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM signing_keys") == 1
        assert await connection.fetchval("SELECT count(*) FROM credential_keys") == 1
        assert await connection.fetchval("SELECT count(*) FROM accounts") == 1
    reply = (await auth.log_in(email)).reply
    assert reply.user is not None
    assert reply.user.role is Role.ADMIN


@pytest.mark.parametrize("known", [True, False])
async def test_failures_lock_an_address_with_or_without_an_account(auth_pool: Pool, known: bool) -> None:
    auth = await running(auth_pool)
    email = new_email()
    if known:
        await auth.sign_up(email)
    replies = [await auth.log_in(email, "a wrong long sentence") for _ in range(6)]
    assert [reply.outcome for reply in replies] == ["BAD_CREDENTIALS"] * 5 + ["ACCOUNT_LOCKED"]
    assert (await auth.log_in(email)).outcome == "ACCOUNT_LOCKED"
    later = replace(auth, means=replace(auth.means, clock=lambda: now() + timedelta(seconds=31)))
    assert (await later.log_in(email)).outcome == ("OK" if known else "BAD_CREDENTIALS")


async def test_failures_of_yesterday_are_deleted(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    email = new_email()
    yesterday = replace(auth, means=replace(auth.means, clock=lambda: now() - timedelta(hours=25)))
    await yesterday.log_in(email, "a wrong long sentence")
    await auth.log_in(new_email(), "a wrong long sentence")
    async with auth_pool.connection() as connection:
        left = await connection.fetchval(
            "SELECT count(*) FROM login_failures WHERE email_digest = $1", hashlib.sha256(email.encode()).digest()
        )
    assert left == 0


async def test_an_outdated_hash_is_replaced_on_log_in(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    email = new_email()
    await auth.sign_up(email)
    passwords = Passwords(memory_kib=16, time_cost=2, parallelism=1, concurrency=1)
    stronger = replace(auth, means=replace(auth.means, passwords=passwords))
    assert (await stronger.log_in(email)).outcome == "OK"
    async with auth_pool.connection() as connection:
        row = await connection.fetchrow("SELECT version, password_hash FROM accounts WHERE email = $1", email)
    assert row["version"] == 1
    assert row["password_hash"].startswith("$argon2id$v=19$m=16,t=2,p=1$")
    assert (await stronger.log_in(email)).outcome == "OK"
