"""Credentials cross the broker as ciphertext only, to the key that auth has now, and come back to one request only."""

import asyncio
import base64
import json
from typing import Any
from uuid import uuid4

import pytest
from jose import jwe
from pydantic import SecretStr

from aiops_common.messaging.requests import NoReply
from aiops_contracts.auth import AuthReply, LogIn
from aiops_contracts.base import Request
from aiops_contracts.credentials import LogInForm, Tokens
from aiops_gateway.auth import NotOpened, open_answer, seal_credentials
from aiops_gateway.service.credentials import Credentials, TooLong, new_answer_key, opened
from unit.gateway.sealing_auth import CredentialKeyPair, SealingAuth, sealed_to

PASSWORD = "correct horse battery staple"
TOKENS = {"access_token": "access-secret", "refresh_token": "refresh-secret", "expires_at": "2026-01-01T00:00:00Z"}
KEY = b"k" * 32


def tokens_for(_: Request, form: dict[str, Any]) -> dict[str, Any]:
    outcome = "OK" if form["password"] == PASSWORD else "BAD_CREDENTIALS"
    return {"outcome": outcome, "sealed_tokens": sealed_to(form["answer_key"], TOKENS) if outcome == "OK" else None}


def form(password: str = PASSWORD) -> LogInForm:
    return LogInForm(email="jane.doe@example.org", password=SecretStr(password), answer_key=new_answer_key())


def log_in(sealed: str) -> LogIn:
    return LogIn(sealed=sealed)


@pytest.fixture
def auth() -> SealingAuth:
    return SealingAuth(tokens_for)


@pytest.fixture
def credentials(auth: SealingAuth) -> Credentials:
    return Credentials(auth)


async def test_nothing_that_crosses_the_broker_tells_a_secret(auth: SealingAuth, credentials: Credentials) -> None:
    asked = form()
    reply = await credentials.ask(log_in, asked, AuthReply)
    assert reply.outcome == "OK"
    tokens = opened(reply.sealed_tokens or "", asked.answer_key, Tokens)
    assert tokens.refresh_token.get_secret_value() == "refresh-secret"
    crossed = "".join(auth.crossed)
    for secret in (PASSWORD, "jane.doe", asked.answer_key.get_secret_value(), "access-secret", "refresh-secret"):
        assert secret not in crossed
        assert secret not in f"{asked!r}{reply!r}{tokens!r}" or secret == "jane.doe"


async def test_the_form_is_sealed_as_agreed(auth: SealingAuth) -> None:
    sealed = seal_credentials(b"{}", auth.key.jwk)
    assert jwe.get_unverified_header(sealed) == {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": "first"}
    assert auth.key.open(sealed) == {}
    assert seal_credentials(b"{}", auth.key.jwk) != sealed


async def test_answer_keys_are_32_random_bytes_and_never_the_same() -> None:
    keys = {new_answer_key().get_secret_value() for _ in range(100)}
    assert len(keys) == 100
    assert {len(base64.urlsafe_b64decode(key + "=")) for key in keys} == {32}


async def test_the_key_is_fetched_once_for_everybody(auth: SealingAuth, credentials: Credentials) -> None:
    replies = await asyncio.gather(*(credentials.ask(log_in, form(), AuthReply) for _ in range(50)))
    assert {reply.outcome for reply in replies} == {"OK"}
    await credentials.ask(log_in, form(), AuthReply)
    assert auth.keys_asked == 1


async def test_a_key_that_auth_has_replaced_is_fetched_again_and_the_request_is_the_same(
    auth: SealingAuth, credentials: Credentials
) -> None:
    await credentials.ask(log_in, form(), AuthReply)
    auth.key = CredentialKeyPair("second")
    identity = uuid4()
    replies = await asyncio.gather(
        *(credentials.ask(log_in, form(), AuthReply, message_id=identity) for _ in range(50))
    )
    assert {reply.outcome for reply in replies} == {"OK"}
    assert auth.keys_asked == 2
    assert set(auth.ids[1:]) == {identity}


async def test_an_auth_that_does_not_know_its_own_key_is_asked_twice_and_no_more(
    auth: SealingAuth, credentials: Credentials
) -> None:
    auth.given = CredentialKeyPair("never")
    with pytest.raises(NoReply, match="credential key"):
        await credentials.ask(log_in, form(), AuthReply)
    assert (auth.keys_asked, len(auth.ids)) == (2, 2)


@pytest.mark.parametrize("jwk", [{}, {"kty": "EC", "kid": "x"}, {"kty": "RSA", "kid": 1, "n": "x", "e": "AQAB"}])
async def test_what_is_no_key_is_no_answer(auth: SealingAuth, credentials: Credentials, jwk: dict[str, Any]) -> None:
    auth.key.jwk = jwk
    with pytest.raises(NoReply):
        await credentials.ask(log_in, form(), AuthReply)
    assert auth.ids == []


async def test_an_outage_is_told_to_all_who_wait_and_forgotten(auth: SealingAuth, credentials: Credentials) -> None:
    auth.away = True
    failed = await asyncio.gather(
        *(credentials.ask(log_in, form(), AuthReply) for _ in range(20)), return_exceptions=True
    )
    assert {type(one) for one in failed} == {NoReply}
    assert auth.keys_asked == 1
    auth.away = False
    assert (await credentials.ask(log_in, form(), AuthReply)).outcome == "OK"


async def test_a_client_that_goes_away_does_not_take_the_key_from_the_others(
    auth: SealingAuth, credentials: Credentials
) -> None:
    first = asyncio.create_task(credentials.ask(log_in, form(), AuthReply))
    second = asyncio.create_task(credentials.ask(log_in, form(), AuthReply))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).outcome == "OK"
    assert auth.keys_asked == 1


async def test_what_is_too_long_is_not_sealed(auth: SealingAuth, credentials: Credentials) -> None:
    with pytest.raises(TooLong) as refused:
        await credentials.ask(log_in, form("x" * 6_000), AuthReply)
    assert "x" * 10 not in str(refused.value)
    longest = form("\u00e9" * 2_600)
    assert (await credentials.ask(log_in, longest, AuthReply)).outcome == "BAD_CREDENTIALS"
    assert max(len(json.loads(one).get("sealed", "")) for one in auth.crossed) <= 8192


@pytest.mark.parametrize(
    "sealed",
    [
        "",
        "a.b.c.d.e",
        "not a JWE",
        jwe.encrypt(b"{}", b"o" * 32, algorithm="dir", encryption="A256GCM").decode(),
        jwe.encrypt(b"{}", KEY, algorithm="dir", encryption="A256GCM", zip="DEF").decode(),
        jwe.encrypt(b"{}", KEY, algorithm="A256KW", encryption="A256GCM").decode(),
        jwe.encrypt(b"{}", KEY, algorithm="dir", encryption="A256GCM").decode()[:-3] + "AAA",
        jwe.encrypt(b"{}", KEY, algorithm="dir", encryption="A128CBC-HS256").decode(),
    ],
)
def test_an_answer_that_was_sealed_otherwise_does_not_open(sealed: str) -> None:
    with pytest.raises(NotOpened) as refused:
        open_answer(sealed, KEY)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_an_answer_that_cannot_be_read_is_not_quoted() -> None:
    key = new_answer_key()
    sealed = sealed_to(key.get_secret_value(), {"access_token": "hunter2"})
    with pytest.raises(NoReply) as refused:
        opened(sealed, key, Tokens)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__suppress_context__
