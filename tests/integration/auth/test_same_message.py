"""A hundred equal requests at once, and removals that meet log-ins and refreshes, where the locks are real."""

import asyncio
from uuid import UUID, uuid4

from aiops_auth.service import remove_user, set_user_role
from aiops_common.postgres import Pool
from aiops_contracts.auth import AuthReply, RemoveUser, Role, SetUserRole
from integration.auth.administrators import add_admin
from integration.auth.running import Running, delivery, new_email, running

HUNDRED = 100
ROOT = UUID(int=7)


async def count(pool: Pool, statement: str, *arguments: object) -> int:
    async with pool.connection() as connection:
        found: int = await connection.fetchval(statement, *arguments)
    return found


async def events(pool: Pool, message_type: str, subject: UUID) -> int:
    return await count(
        pool,
        "SELECT count(*) FROM outbox WHERE routing_key = $1 AND convert_from(body, 'UTF8')::jsonb ->> 'subject' = $2",
        message_type,
        str(subject),
    )


def removal(user_id: UUID, version: int = 1, removed_by: UUID = ROOT) -> RemoveUser:
    return RemoveUser(user_id=user_id, expected_version=version, removed_by=removed_by)


async def test_equal_sign_ups_make_one_account_and_log_everybody_in(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    email, message_id = new_email(), uuid4()
    answers = await asyncio.gather(*(auth.sign_up(email, message_id=message_id) for _ in range(HUNDRED)))
    assert {answer.outcome for answer in answers} == {"OK"}
    assert len({answer.user_id for answer in answers}) == 1
    assert await count(auth_pool, "SELECT count(*) FROM accounts") == 1
    assert await events(auth_pool, "auth.user_changed.v1", answers[0].user_id) == 1
    recorded = "SELECT count(*) FROM security_events WHERE subject = $1 AND action = $2"
    assert await count(auth_pool, recorded, answers[0].user_id, "account.signed_up") == 1
    assert await count(auth_pool, recorded, answers[0].user_id, "session.logged_in") == HUNDRED - 1
    assert (await auth.refresh(answers[-1].refresh_token)).outcome == "OK"


async def test_of_sign_ups_under_one_id_with_different_addresses_one_is_heard(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    message_id = uuid4()
    answers = await asyncio.gather(*(auth.sign_up(new_email(), message_id=message_id) for _ in range(10)))
    assert sorted(answer.outcome for answer in answers) == ["INVALID_INPUT"] * 9 + ["OK"]
    assert await count(auth_pool, "SELECT count(*) FROM accounts") == 1


async def test_equal_changes_of_a_role_are_one_step_with_equal_answers(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    await add_admin(auth_pool, ROOT)
    user_id, message_id = (await auth.sign_up(new_email())).user_id, uuid4()
    request = SetUserRole(user_id=user_id, role=Role.OPS, expected_version=1, changed_by=ROOT)
    replies = await asyncio.gather(
        *(set_user_role(auth.means, delivery(request, message_id, "user:7")) for _ in range(HUNDRED))
    )
    assert replies == [replies[0]] * HUNDRED
    assert replies[0].user is not None
    assert (replies[0].outcome, replies[0].user.version, replies[0].user.role) == ("OK", 2, Role.OPS)
    assert await events(auth_pool, "auth.user_changed.v1", user_id) == 2


async def test_equal_removals_are_one_with_equal_answers(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    await add_admin(auth_pool, ROOT)
    user_id, message_id = (await auth.sign_up(new_email())).user_id, uuid4()
    request = delivery(removal(user_id), message_id, "user:7")
    replies = await asyncio.gather(*(remove_user(auth.means, request) for _ in range(HUNDRED)))
    assert replies == [AuthReply(outcome="OK")] * HUNDRED
    assert await events(auth_pool, "auth.user_removed.v1", user_id) == 1
    assert await count(auth_pool, "SELECT count(*) FROM accounts WHERE id <> $1", ROOT) == 0
    for table in ("refresh_families", "refresh_tokens"):
        assert await count(auth_pool, f"SELECT count(*) FROM {table}") == 0, table


async def test_two_administrators_cannot_remove_each_other_at_once(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    one, other = await add_admin(auth_pool), await add_admin(auth_pool)
    removals = (removal(one, removed_by=other), removal(other, removed_by=one))
    replies = await asyncio.gather(*(remove_user(auth.means, delivery(request)) for request in removals))
    assert sorted(reply.outcome for reply in replies) == ["FORBIDDEN", "OK"]
    assert await count(auth_pool, "SELECT count(*) FROM accounts WHERE role = 'ADMIN'") == 1


async def somebody(auth: Running) -> tuple[str, UUID, str]:
    email = new_email()
    made = await auth.sign_up(email)
    return email, made.user_id, made.refresh_token


async def test_who_is_removed_while_logging_in_and_refreshing_is_out_and_nothing_breaks(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    await add_admin(auth_pool, ROOT)
    for _ in range(15):
        email, user_id, token = await somebody(auth)
        log_ins = [auth.log_in(email) for _ in range(4)]
        refreshed = auth.refresh(token)
        removed = remove_user(auth.means, delivery(removal(user_id)))
        answers, reply = await asyncio.gather(asyncio.gather(*log_ins, refreshed), removed)
        assert reply.outcome == "OK"
        for answer in answers:
            assert answer.outcome in {"OK", "BAD_CREDENTIALS"}
            if answer.outcome == "OK":
                assert (await auth.refresh(answer.refresh_token)).outcome == "BAD_CREDENTIALS"
        again = await auth.sign_up(email)
        assert again.user_id != user_id
    assert await count(auth_pool, "SELECT count(*) FROM accounts WHERE id <> $1", ROOT) == 15
