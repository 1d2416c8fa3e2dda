import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from aiops_auth.passwords import Passwords, TooManyWaiting
from aiops_contracts.auth import Role, UserChanged
from unit.auth.harness import PASSWORD, Auth, refresh_token_of


async def test_signing_up_makes_a_viewer_who_is_logged_in_and_announced(auth: Auth) -> None:
    answer = await auth.sign_up("  Ada@Example.org ", name=" Ada Lovelace ")
    reply = answer.reply
    assert reply.outcome == "OK"
    assert reply.user is not None
    assert answer.tokens is not None
    assert (reply.user.email, reply.user.display_name) == ("ada@example.org", "Ada Lovelace")
    assert (reply.user.role, reply.user.version) == (Role.VIEWER, 1)
    assert reply.user.created_at == reply.user.updated_at == auth.clock.now
    [(event, subject)] = [one for one in auth.database.tables.outbox if isinstance(one[0], UserChanged)]
    assert isinstance(event, UserChanged)
    assert event.user == reply.user
    assert subject == reply.user.id


async def test_the_password_is_stored_hashed_only(auth: Auth) -> None:
    await auth.sign_up()
    assert PASSWORD not in repr([account.password_hash for account in auth.database.tables.accounts.values()])
    assert all(a.password_hash.startswith("$argon2id$") for a in auth.database.tables.accounts.values())
    assert "password" not in repr(auth.database.tables.outbox)


async def test_an_address_is_taken_in_any_spelling(auth: Auth) -> None:
    await auth.sign_up("ada@example.org")
    reply = (await auth.sign_up("ADA@EXAMPLE.ORG")).reply
    assert (reply.outcome, reply.field) == ("EMAIL_TAKEN", "email")
    assert reply.sealed_tokens is None
    assert reply.user is None
    assert len(auth.database.tables.accounts) == 1


async def test_of_simultaneous_sign_ups_with_one_address_one_gets_it(auth: Auth) -> None:
    replies = await asyncio.gather(*(auth.sign_up() for _ in range(8)))
    assert sorted(reply.outcome for reply in replies) == ["EMAIL_TAKEN"] * 7 + ["OK"]


@pytest.mark.parametrize(
    ("email", "password", "name", "refusal"),
    [
        ("not an address", PASSWORD, "Ada", ("INVALID_INPUT", "email")),
        ("ada@example.org", PASSWORD, "", ("INVALID_INPUT", "display_name")),
        ("ada@example.org", "short", "Ada", ("WEAK_PASSWORD", "password")),
        ("ada@example.org", "password123456", "Ada", ("WEAK_PASSWORD", "password")),
    ],
)
async def test_a_refusal_names_the_field_and_the_reason_and_changes_nothing(
    auth: Auth, email: str, password: str, name: str, refusal: tuple[str, str]
) -> None:
    reply = (await auth.sign_up(email, password, name)).reply
    assert (reply.outcome, reply.field) == refusal
    assert reply.message
    assert password not in reply.message
    assert not auth.database.tables.accounts


async def test_nothing_is_kept_when_the_event_cannot_be_stored(auth: Auth) -> None:
    async def failing(*_: object) -> None:
        raise OSError("disk full")

    broken = replace(auth, means=replace(auth.means, publish=failing))
    with pytest.raises(OSError, match="disk full"):
        await broken.sign_up()
    assert not auth.database.tables.accounts
    assert not auth.database.tables.tokens


async def test_the_same_message_again_logs_in_to_the_account_that_it_made(auth: Auth) -> None:
    message_id = uuid4()
    answers = [await auth.sign_up(message_id=message_id) for _ in range(3)]
    assert {answer.outcome for answer in answers} == {"OK"}
    assert len({answer.reply.user.id for answer in answers if answer.reply.user}) == 1
    assert len({refresh_token_of(answer) for answer in answers}) == 3, "each has a session of its own"
    assert len(auth.database.tables.accounts) == 1


async def test_a_hundred_equal_sign_ups_at_once_make_one_account_and_get_equal_answers(auth: Auth) -> None:
    message_id = uuid4()
    answers = await asyncio.gather(*(auth.sign_up(message_id=message_id) for _ in range(100)))
    assert {answer.outcome for answer in answers} == {"OK"}
    assert len({answer.reply.user.id for answer in answers if answer.reply.user}) == 1
    assert len(auth.database.tables.accounts) == 1
    assert sum(isinstance(event, UserChanged) for event, _ in auth.database.tables.outbox) == 1


async def test_the_same_message_with_another_password_is_a_guess(auth: Auth) -> None:
    message_id = uuid4()
    await auth.sign_up(message_id=message_id)
    wrong = [await auth.sign_up(password=f"guess number {n} of many", message_id=message_id) for n in range(6)]
    assert [answer.outcome for answer in wrong] == ["EMAIL_TAKEN"] * 5 + ["ACCOUNT_LOCKED"]
    assert all(answer.tokens is None and answer.reply.user is None for answer in wrong)
    assert (await auth.sign_up(message_id=message_id)).outcome == "ACCOUNT_LOCKED"
    assert (await auth.log_in()).outcome == "ACCOUNT_LOCKED"


async def test_the_same_message_with_another_address_is_refused(auth: Auth) -> None:
    message_id = uuid4()
    await auth.sign_up(message_id=message_id)
    reply = (await auth.sign_up("bob@example.org", message_id=message_id)).reply
    assert (reply.outcome, reply.field, reply.user) == ("INVALID_INPUT", "idempotency_key", None)
    assert len(auth.database.tables.accounts) == 1


async def test_too_many_who_wait_for_a_hash_are_turned_away_before_anything_is_opened(auth: Auth) -> None:
    narrow = Passwords(memory_kib=8, time_cost=1, parallelism=1, concurrency=1, most_waiting=2)
    busy = replace(auth, means=replace(auth.means, passwords=narrow))
    outcomes = await asyncio.gather(*(busy.sign_up(f"{n}@example.org") for n in range(10)), return_exceptions=True)
    assert sum(isinstance(outcome, TooManyWaiting) for outcome in outcomes) == 7
    assert len(auth.database.tables.accounts) == 3
    assert (await busy.log_in("1@example.org")).outcome == "OK", "it is over when the others are"
    narrow.close()
