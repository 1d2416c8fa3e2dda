import asyncio
from dataclasses import replace

import pytest
from jose import jwt

from aiops_auth.passwords import Passwords
from aiops_contracts.auth import AuthReply, UserChanged
from unit.auth.harness import PASSWORD, Auth


async def test_logging_in_gives_tokens_and_the_user(auth: Auth) -> None:
    made = await auth.sign_up()
    reply = await auth.log_in(" ADA@example.org")
    assert reply.outcome == "OK"
    assert reply.reply.user == made.reply.user
    assert reply.tokens is not None
    assert made.reply.user is not None
    claims = jwt.get_unverified_claims(reply.tokens.access_token.get_secret_value())
    assert claims["sub"] == str(made.reply.user.id)
    assert claims["exp"] == int(reply.tokens.expires_at.timestamp())


@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org"])
async def test_a_wrong_password_and_an_unknown_address_are_answered_and_locked_alike(auth: Auth, email: str) -> None:
    await auth.sign_up()
    replies = [await auth.log_in(email, "a wrong long sentence") for _ in range(6)]
    assert [reply.outcome for reply in replies] == ["BAD_CREDENTIALS"] * 5 + ["ACCOUNT_LOCKED"]
    assert [answer.reply for answer in replies[:5]] == [
        AuthReply(outcome="BAD_CREDENTIALS", message="The e-mail address or the password is wrong.")
    ] * 5
    assert replies[5].reply.message == "Too many failed attempts; try again in 30 seconds."


async def test_a_malformed_address_is_just_wrong(auth: Auth) -> None:
    assert (await auth.log_in("no address")).outcome == "BAD_CREDENTIALS"
    assert not auth.database.tables.failures


async def test_a_locked_address_is_closed_to_the_right_password_until_the_lock_ends(auth: Auth) -> None:
    await auth.sign_up()
    for _ in range(5):
        await auth.log_in(password="a wrong long sentence")
    assert (await auth.log_in()).outcome == "ACCOUNT_LOCKED"
    auth.clock.forward(seconds=30)
    assert (await auth.log_in()).outcome == "OK"


async def test_each_further_failure_locks_for_longer_and_success_forgets_them(auth: Auth) -> None:
    await auth.sign_up()
    for _ in range(5):
        await auth.log_in(password="a wrong long sentence")
    for seconds in (30, 60, 120):
        auth.clock.forward(seconds=seconds - 1)
        assert (await auth.log_in(password="a wrong long sentence")).outcome == "ACCOUNT_LOCKED"
        auth.clock.forward(seconds=1)
        assert (await auth.log_in(password="a wrong long sentence")).outcome == "BAD_CREDENTIALS"
    auth.clock.forward(minutes=15)
    assert (await auth.log_in()).outcome == "OK"
    assert (await auth.log_in(password="a wrong long sentence")).outcome == "BAD_CREDENTIALS"
    assert (await auth.log_in()).outcome == "OK"


async def test_failures_of_yesterday_do_not_count(auth: Auth) -> None:
    await auth.sign_up()
    for _ in range(4):
        await auth.log_in(password="a wrong long sentence")
    auth.clock.forward(hours=24, seconds=1)
    await auth.log_in(password="a wrong long sentence")
    assert (await auth.log_in()).outcome == "OK"


async def test_a_burst_of_guesses_gets_no_more_than_the_allowed_number_and_those_in_flight(auth: Auth) -> None:
    await auth.sign_up()
    replies = await asyncio.gather(*(auth.log_in(password="a wrong long sentence") for _ in range(40)))
    guesses = sum(reply.outcome == "BAD_CREDENTIALS" for reply in replies)
    assert 5 <= guesses <= 6


async def test_simultaneous_log_ins_with_the_right_password_all_succeed(auth: Auth) -> None:
    await auth.sign_up()
    replies = await asyncio.gather(*(auth.log_in() for _ in range(20)))
    assert {reply.outcome for reply in replies} == {"OK"}


async def test_an_outdated_hash_is_replaced_on_log_in_without_a_new_version(auth: Auth) -> None:
    made = await auth.sign_up()
    assert made.reply.user is not None
    account_id = made.reply.user.id
    before = auth.database.tables.accounts[account_id]
    stronger = Passwords(memory_kib=16, time_cost=2, parallelism=1, concurrency=1)
    strict = replace(auth, means=replace(auth.means, passwords=stronger))
    assert (await strict.log_in(password="a wrong long sentence")).outcome == "BAD_CREDENTIALS"
    assert auth.database.tables.accounts[account_id] == before
    assert (await strict.log_in()).outcome == "OK"
    after = auth.database.tables.accounts[account_id]
    assert after == replace(before, password_hash=after.password_hash)
    assert after.password_hash.startswith("$argon2id$v=19$m=16,t=2,p=1$")
    assert sum(isinstance(event, UserChanged) for event, _ in auth.database.tables.outbox) == 1
    assert auth.recorded()[-2:] == [("account.password_rehashed", "OK"), ("session.logged_in", "OK")]
    assert (await strict.log_in()).outcome == "OK"
    stronger.close()


@pytest.mark.parametrize("password", ["", "x" * 4_000, PASSWORD + "\x00"])
async def test_hostile_passwords_are_just_wrong(auth: Auth, password: str) -> None:
    await auth.sign_up()
    assert (await auth.log_in(password=password)).outcome == "BAD_CREDENTIALS"
