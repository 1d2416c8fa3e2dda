"""Requests whose credentials do not open, or hold what no form holds: answered, never a fault, and nothing is done."""

import json
from datetime import timedelta

import pytest

from aiops_auth.service import log_in, refresh, sign_up
from aiops_contracts.auth import AuthReply, GetCredentialKey, LogIn, RefreshTokens, SignUp
from support.sealing_credentials import log_in_form, new_answer_key, seal, seal_bytes, sign_up_form
from unit.auth.harness import PASSWORD, Auth, delivery


async def ask_to_log_in(auth: Auth, plaintext: bytes) -> AuthReply:
    sealed = seal_bytes(plaintext, auth.database.tables.credential_keys[-1].jwk)
    return await log_in(auth.means, delivery(LogIn(sealed=sealed)))


@pytest.mark.parametrize("sealed", ["", "nonsense", "a.b.c.d.e", "x" * 8192])
async def test_what_does_not_open_is_answered_with_key_unknown(auth: Auth, sealed: str) -> None:
    replies = [
        await sign_up(auth.means, delivery(SignUp(sealed=sealed))),
        await log_in(auth.means, delivery(LogIn(sealed=sealed))),
        await refresh(auth.means, delivery(RefreshTokens(sealed=sealed))),
    ]
    assert {reply.outcome for reply in replies} == {"KEY_UNKNOWN"}
    assert not auth.recorded()


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (b" ", None),
        (b"\xff", None),
        (b"[1, 2]", None),
        (b"[" * 4000, None),
        (json.dumps({"email": "a@b.example", "password": PASSWORD}).encode(), "answer_key"),
        (json.dumps({"email": "a@b.example", "password": PASSWORD, "answer_key": "short"}).encode(), "answer_key"),
        (json.dumps({"email": 7, "password": PASSWORD, "answer_key": "A" * 43}).encode(), "email"),
        (json.dumps({"email": "a\0@b.example", "password": PASSWORD, "answer_key": "A" * 43}).encode(), "email"),
        (b'{"email": "a@b.example", "password": "\\ud800 %s", "answer_key": "%s"}' % (b"hunter2", b"A" * 43), None),
    ],
)
async def test_a_form_that_breaks_a_rule_is_refused_in_words_that_do_not_quote_it(
    auth: Auth, form: bytes, field: str | None
) -> None:
    reply = await ask_to_log_in(auth, form)
    assert reply.outcome == "INVALID_INPUT"
    assert reply.message
    assert PASSWORD not in reply.message
    assert "hunter2" not in reply.message
    if field is not None:
        assert reply.field == field


async def test_an_answer_key_that_is_none_is_refused_before_an_account_is_made(auth: Auth) -> None:
    form = {"email": "a@b.example", "password": PASSWORD, "display_name": "Ada", "answer_key": "A" * 20}
    sealed = seal_bytes(json.dumps(form).encode(), auth.database.tables.credential_keys[-1].jwk)
    reply = await sign_up(auth.means, delivery(SignUp(sealed=sealed)))
    assert (reply.outcome, reply.field) == ("INVALID_INPUT", "answer_key")
    assert not auth.database.tables.accounts


async def test_a_form_of_another_request_gives_nothing_that_it_would_not_give_itself(auth: Auth) -> None:
    form = log_in_form("ada@example.org", PASSWORD)
    reply = await sign_up(auth.means, delivery(SignUp(sealed=auth.seal(form))))
    assert (reply.outcome, reply.field) == ("INVALID_INPUT", "display_name")


async def test_the_key_is_told_without_its_private_half(auth: Auth) -> None:
    answer = await auth.means.credentials.current_key(delivery(GetCredentialKey()))
    assert answer.jwk == auth.database.tables.credential_keys[-1].jwk
    assert "d" not in answer.jwk


async def test_after_a_rotation_the_old_key_opens_for_an_hour_and_is_gone_at_the_next(auth: Auth) -> None:
    await auth.sign_up()
    [old] = auth.database.tables.credential_keys
    form = log_in_form("ada@example.org", PASSWORD)
    late = LogIn(sealed=seal(form, old.jwk))
    async with auth.means.transactions() as connection:
        kid = await auth.means.credentials.rotate(connection)
    assert (await auth.means.credentials.current_key(delivery(GetCredentialKey()))).jwk["kid"] == kid != old.kid
    auth.clock.now += timedelta(minutes=59)
    assert (await log_in(auth.means, delivery(late))).outcome == "OK"
    auth.clock.now += timedelta(minutes=1)
    assert (await log_in(auth.means, delivery(late))).outcome == "KEY_UNKNOWN"
    assert (await auth.log_in()).outcome == "OK"
    async with auth.means.transactions() as connection:
        await auth.means.credentials.rotate(connection)
    assert old.kid not in {key.kid for key in auth.database.tables.credential_keys}


async def test_a_key_that_may_have_leaked_opens_nothing_any_more(auth: Auth) -> None:
    await auth.sign_up()
    [old] = auth.database.tables.credential_keys
    async with auth.means.transactions() as connection:
        await auth.means.credentials.rotate(connection, at_once=True)
    late = LogIn(sealed=seal(log_in_form("ada@example.org", PASSWORD), old.jwk))
    assert (await log_in(auth.means, delivery(late))).outcome == "KEY_UNKNOWN"
    assert [key.kid for key in auth.database.tables.credential_keys] != [old.kid]


async def test_a_key_is_made_once(auth: Auth) -> None:
    before = list(auth.database.tables.credential_keys)
    await auth.means.credentials.ensure_key()
    assert auth.database.tables.credential_keys == before


async def test_two_answers_to_one_form_are_different_ciphertexts_for_the_same_key(auth: Auth) -> None:
    form = sign_up_form("ada@example.org", PASSWORD)
    assert auth.seal(form) != auth.seal(form)
    assert new_answer_key() != new_answer_key()
