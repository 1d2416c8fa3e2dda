"""Whatever happens to credentials, nobody can read them anywhere: not on the broker, in a log, a span or a table."""

import re
from collections.abc import Iterator
from uuid import uuid4

from aiops_common.postgres import Pool
from aiops_contracts.auth import LogIn, LogOut, RefreshTokens, SignUp
from aiops_contracts.credentials import AnswerKey
from integration.auth.running import forget_keys
from support.eventually import eventually
from support.firehose import Firehose, firehose
from support.lone_auth import LoneAuth, lone_auth
from support.sealing_credentials import log_in_form, log_out_form, refresh_form, seal, sign_up_form, tokens_of
from support.servers import Broker

QUICK = {"argon2_memory_kib": 8, "argon2_time_cost": 1, "argon2_parallelism": 1}


class Secrets:
    """What must not be found; ``addresses`` may be where an account is told of, and nowhere else."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}
        self.address = f"{uuid4().hex}@example.org"
        self.words["unknown address"] = f"{uuid4().hex}@example.org"
        self.words["password"] = f"the right words {uuid4().hex}"
        self.words["wrong password"] = f"the wrong words {uuid4().hex}"

    def keep(self, form: AnswerKey) -> AnswerKey:
        self.words[f"answer key {len(self.words)}"] = form.answer_key.get_secret_value()
        return form

    def found_in(self, text: bytes) -> list[str]:
        return [name for name, word in self.words.items() if word.encode() in text]


async def use_everything(auth: LoneAuth, secrets: Secrets) -> None:
    """Sign up, log in, refresh and log out, well and badly, with forms that break and with a request that is none."""
    password, wrong = secrets.words["password"], secrets.words["wrong password"]
    outcomes = []

    async def send(kind: type[SignUp | LogIn | RefreshTokens | LogOut], form: AnswerKey) -> str | None:
        reply = await auth.send(kind, secrets.keep(form))
        outcomes.append(reply.outcome)
        tokens = tokens_of(reply, form)
        if tokens is None:
            return None
        secrets.words[f"access token {len(secrets.words)}"] = tokens.access_token.get_secret_value()
        token = tokens.refresh_token.get_secret_value()
        secrets.words[f"refresh token {len(secrets.words)}"] = token
        return token

    first = await send(SignUp, sign_up_form(secrets.address, password))
    await send(SignUp, sign_up_form(secrets.address, password))
    await send(SignUp, sign_up_form(secrets.words["unknown address"], "short"))
    await send(LogIn, log_in_form(secrets.address, wrong))
    second = await send(LogIn, log_in_form(secrets.address, password))
    await send(LogIn, log_in_form(secrets.words["unknown address"], wrong))
    assert first is not None
    assert second is not None
    await send(RefreshTokens, refresh_form(first))
    await send(RefreshTokens, refresh_form(first))
    await send(RefreshTokens, refresh_form(wrong))
    await send(LogOut, log_out_form(second))
    await send(LogOut, log_out_form(wrong))
    key = await auth.key()
    half = seal(secrets.keep(log_in_form(secrets.address, password)), key)[:-4] + "AAAA"
    outcomes.append((await auth.ask(LogIn(sealed=half))).outcome)
    assert outcomes == [
        "OK", "EMAIL_TAKEN", "WEAK_PASSWORD", "BAD_CREDENTIALS", "OK", "BAD_CREDENTIALS", "OK", "BAD_CREDENTIALS",
        "BAD_CREDENTIALS", "OK", "OK", "KEY_UNKNOWN",
    ]  # fmt: skip


async def tables(pool: Pool) -> dict[str, bytes]:
    """Every row of every table of auth, as text."""
    async with pool.connection() as connection:
        names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname IN ('auth', 'auth_history')")
        text = {}
        for (name,) in names:
            rows = await connection.fetch(f'SELECT * FROM "{name}"')
            text[name] = b"\n".join(b" ".join(_bytes(value) for value in row.values()) for row in rows)
        return text


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


def places(hose: Firehose, auth: LoneAuth, rows: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    for key, headers, body in hose.seen:
        yield f"broker: {key}", headers.encode() + body
    yield from (("log", auth.said()), ("spans", auth.traced()))
    yield from rows.items()


async def test_no_credential_can_be_read_anywhere(
    broker: Broker, auth_pool: Pool, service_database_urls: dict[str, str]
) -> None:
    await forget_keys(auth_pool)
    secrets = Secrets()
    async with (
        firehose(broker) as hose,
        lone_auth(broker, service_database_urls["auth"], log_level="DEBUG", **QUICK) as auth,
    ):
        await use_everything(auth, secrets)

        async def all_is_out() -> bool:
            async with auth_pool.connection() as connection:
                unsent = await connection.fetchval("SELECT count(*) FROM outbox WHERE sent_at IS NULL")
            return unsent == 0 and any(b"session.logged_out" in body for body in hose.bodies("publish.aiops.events"))

        await eventually(all_is_out)
        await eventually(lambda: _has_spans(auth))
        rows = await tables(auth_pool)
        looked_at = list(places(hose, auth, rows))
    assert len(hose.bodies("deliver.auth.requests")) >= 12, "the requests were seen"
    assert sum(b'"sealed_tokens":"' in body for body in hose.bodies("publish.")) >= 3, "the answers were seen"
    assert {"accounts", "outbox", "inbox", "security_events", "refresh_tokens", "login_failures"} <= rows.keys()
    assert rows["outbox"]
    assert rows["security_events"]
    assert {place: secrets.found_in(text) for place, text in looked_at if secrets.found_in(text)} == {}
    with_address = {place for place, text in looked_at if secrets.address.encode() in text}
    assert {place for place in with_address if not place.startswith("broker: ")} == {"accounts", "outbox"}
    assert_told_as_a_user_only(hose, secrets.address)


def assert_told_as_a_user_only(hose: Firehose, address: str) -> None:
    """The address of an account is what others know the account by; it stands in nothing that somebody typed in."""
    for key, _, body in hose.seen:
        if address.encode() in body:
            assert not key.endswith("auth.requests")
            assert b'"auth.user_changed.v1"' in body or re.match(rb'\{"answer":\{"outcome":"OK"', body), (key, body)


async def _has_spans(auth: LoneAuth) -> bool:
    return b"auth.log_out.v2" in auth.traced()
