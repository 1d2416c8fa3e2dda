"""Rotation of refresh tokens where the locks are real. ``auth_pool`` is a started pool on the migrated auth schema."""

import asyncio
from datetime import timedelta
from uuid import UUID

from pydantic import SecretStr

from aiops_common.postgres import Pool
from aiops_contracts.auth import AuthReply, LogOut
from integration.auth.running import log_in, new_email, now, refresh, refresh_token_of, running, sign_up


def user_id(reply: AuthReply) -> UUID:
    assert reply.user is not None
    return reply.user.id


async def test_twenty_refreshes_at_once_give_one_child_that_works(auth_pool: Pool) -> None:
    service = await running(auth_pool)
    made = await sign_up(service, new_email())
    token = refresh_token_of(made)
    replies = await asyncio.gather(*(refresh(service, token) for _ in range(20)))
    winners = [reply for reply in replies if reply.outcome == "OK"]
    assert len(winners) == 1
    assert {reply.outcome for reply in replies} == {"OK", "BAD_CREDENTIALS"}
    async with auth_pool.connection() as connection:
        tokens = await connection.fetchval(
            "SELECT count(*) FROM refresh_tokens JOIN refresh_families f ON f.id = family_id WHERE account_id = $1",
            user_id(made),
        )
    assert tokens == 2, "the spent one and its child"
    assert (await refresh(service, refresh_token_of(winners[0]))).outcome == "OK"


async def test_reuse_revokes_the_family_and_no_other(auth_pool: Pool) -> None:
    service = await running(auth_pool)
    email = new_email()
    first = refresh_token_of(await sign_up(service, email))
    other = refresh_token_of(await log_in(service, email))
    second = refresh_token_of(await refresh(service, first))
    replies = await asyncio.gather(*(refresh(service, first) for _ in range(10)))
    assert {reply.outcome for reply in replies} == {"BAD_CREDENTIALS"}
    assert (await refresh(service, second)).outcome == "BAD_CREDENTIALS"
    assert (await refresh(service, other)).outcome == "OK"


async def test_no_child_survives_a_log_out_at_the_same_time(auth_pool: Pool) -> None:
    service = await running(auth_pool)
    for _ in range(10):
        token = refresh_token_of(await sign_up(service, new_email()))
        reply, _ = await asyncio.gather(
            refresh(service, token), service.log_out(LogOut(refresh_token=SecretStr(token)))
        )
        for known in [token, *([refresh_token_of(reply)] if reply.outcome == "OK" else [])]:
            assert (await refresh(service, known)).outcome == "BAD_CREDENTIALS"


async def test_expired_tokens_are_refused_and_deleted(auth_pool: Pool) -> None:
    service = await running(auth_pool)
    email = new_email()
    made = await sign_up(service, email)
    async with auth_pool.transaction() as connection:
        past = now() - timedelta(seconds=1)
        await connection.execute(
            "UPDATE refresh_families SET expires_at = $2 WHERE account_id = $1", user_id(made), past
        )
        await connection.execute(
            "UPDATE refresh_tokens SET expires_at = $2 WHERE family_id IN "
            "(SELECT id FROM refresh_families WHERE account_id = $1)",
            user_id(made),
            past,
        )
    assert (await refresh(service, refresh_token_of(made))).outcome == "BAD_CREDENTIALS"
    assert (await log_in(service, email)).outcome == "OK"
    async with auth_pool.connection() as connection:
        left = await connection.fetchval("SELECT count(*) FROM refresh_families WHERE account_id = $1", user_id(made))
    assert left == 1
