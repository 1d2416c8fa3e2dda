"""Rotation of refresh tokens where the locks are real. ``auth_pool`` is a started pool on the migrated auth schema."""

import asyncio
from datetime import timedelta

from aiops_auth.service import ExpiredSessions
from aiops_auth.upkeep import Upkeep
from aiops_common.postgres import Pool
from integration.auth.ringing import ADMIN, ringing
from integration.auth.running import new_email, now, running


async def test_twenty_refreshes_at_once_give_one_child_that_works(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    made = await auth.sign_up(new_email())
    token = made.refresh_token
    replies = await auth.refresh_at_once(token, 20)
    winners = [reply for reply in replies if reply.outcome == "OK"]
    assert len(winners) == 1
    assert {reply.outcome for reply in replies} == {"OK", "BAD_CREDENTIALS"}
    async with auth_pool.connection() as connection:
        tokens = await connection.fetchval(
            "SELECT count(*) FROM refresh_tokens JOIN refresh_families f ON f.id = family_id WHERE account_id = $1",
            made.user_id,
        )
    assert tokens == 2, "the spent one and its child"
    assert (await auth.refresh(winners[0].refresh_token)).outcome == "OK"


async def test_reuse_revokes_the_family_and_no_other(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    email = new_email()
    first = (await auth.sign_up(email)).refresh_token
    other = (await auth.log_in(email)).refresh_token
    second = (await auth.refresh(first)).refresh_token
    replies = await asyncio.gather(*(auth.refresh(first) for _ in range(10)))
    assert {reply.outcome for reply in replies} == {"BAD_CREDENTIALS"}
    assert (await auth.refresh(second)).outcome == "BAD_CREDENTIALS"
    assert (await auth.refresh(other)).outcome == "OK"


async def test_no_child_survives_a_log_out_at_the_same_time(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    for _ in range(10):
        token = (await auth.sign_up(new_email())).refresh_token
        reply, _ = await asyncio.gather(auth.refresh(token), auth.log_out(token))
        for known in [token, *([reply.refresh_token] if reply.outcome == "OK" else [])]:
            assert (await auth.refresh(known)).outcome == "BAD_CREDENTIALS"


async def test_the_expired_sessions_of_those_who_do_not_come_back_are_swept(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    live = (await auth.sign_up(new_email())).refresh_token
    gone = (await auth.sign_up(new_email())).user_id
    async with auth_pool.transaction() as connection:
        await connection.execute(
            "INSERT INTO refresh_families (id, account_id, created_at, expires_at) "
            "SELECT gen_random_uuid(), $1, now() - interval '40 days', now() - interval '1 second' "
            "FROM generate_series(1, 2500)",
            gone,
        )
        await connection.execute("UPDATE refresh_families SET expires_at = now() WHERE account_id = $1", gone)
    sessions = ExpiredSessions(auth_pool.transaction, auth.means.repository, lambda: now() + timedelta(seconds=1))
    swept = await asyncio.gather(*(sessions.sweep() for _ in range(3)))
    assert sum(swept) == 2501
    async with auth_pool.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM refresh_families WHERE account_id = $1", gone) == 0
        assert await connection.fetchval("SELECT count(*) FROM refresh_tokens") == 1, "tokens go with their family"
    assert (await auth.refresh(live)).outcome == "OK"


async def test_upkeep_sweeps_sessions(auth_pool: Pool) -> None:
    keys = await ringing(auth_pool)
    await keys.ring.ensure()
    await keys.fetch(
        "INSERT INTO refresh_families (id, account_id, created_at, expires_at) "
        "VALUES (gen_random_uuid(), $1, now() - interval '40 days', now() - interval '1 day')",
        ADMIN,
    )
    await Upkeep(keys.ring, keys.api_keys, keys.sessions, rotation_age=None).once()
    assert await keys.fetch("SELECT 1 FROM refresh_families") == []


async def test_expired_tokens_are_refused_and_deleted(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    email = new_email()
    made = await auth.sign_up(email)
    async with auth_pool.transaction() as connection:
        past = now() - timedelta(seconds=1)
        await connection.execute(
            "UPDATE refresh_families SET expires_at = $2 WHERE account_id = $1", made.user_id, past
        )
        await connection.execute(
            "UPDATE refresh_tokens SET expires_at = $2 WHERE family_id IN "
            "(SELECT id FROM refresh_families WHERE account_id = $1)",
            made.user_id,
            past,
        )
    assert (await auth.refresh(made.refresh_token)).outcome == "BAD_CREDENTIALS"
    assert (await auth.log_in(email)).outcome == "OK"
    async with auth_pool.connection() as connection:
        left = await connection.fetchval("SELECT count(*) FROM refresh_families WHERE account_id = $1", made.user_id)
    assert left == 1
