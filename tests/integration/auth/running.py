"""Auth on a real database: ``auth_pool`` leads to a migrated schema, events go to its outbox."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from aiops_auth.passwords import Passwords
from aiops_auth.repository import (
    CredentialKeyRepository,
    Repository,
    SecurityEventRepository,
    SigningKeyRepository,
)
from aiops_auth.service import (
    Credentials,
    KeyRing,
    Means,
    SecurityEvents,
    Sessions,
    Transactions,
    log_in,
    log_out,
    refresh,
    sign_up,
)
from aiops_auth.tokens import CredentialCipher, TokenIssuer
from aiops_common.messaging import outbox
from aiops_common.messaging.message import Delivery, M, outgoing
from aiops_common.postgres import Connection, Pool
from aiops_contracts.auth import AuthReply, LogIn, LogOut, RefreshTokens, SignUp
from aiops_contracts.base import Event
from aiops_contracts.credentials import AnswerKey, Tokens
from support.sealing_credentials import log_in_form, log_out_form, refresh_form, seal, sign_up_form, tokens_of

PASSWORD = "a rather long sentence"
MASTER_KEY = os.urandom(32)
CHEAP = Passwords(memory_kib=8, time_cost=1, parallelism=1, concurrency=2)


@dataclass(frozen=True)
class Answer:
    """A reply and the tokens in it."""

    reply: AuthReply
    tokens: Tokens | None

    @property
    def outcome(self) -> str:
        return self.reply.outcome

    @property
    def user_id(self) -> UUID:
        assert self.reply.user is not None, self.reply
        return self.reply.user.id

    @property
    def refresh_token(self) -> str:
        assert self.outcome == "OK", self.reply
        assert self.tokens is not None
        return self.tokens.refresh_token.get_secret_value()


@dataclass(frozen=True)
class Running:
    """The use cases with requests as plain arguments."""

    means: Means
    keys: KeyRing

    async def seal(self, form: AnswerKey) -> str:
        async with self.means.transactions() as connection:
            key = await self.means.credentials.repository.current(connection)
        assert key is not None
        return seal(form, key.jwk)

    async def sign_up(self, email: str, password: str = PASSWORD, message_id: UUID | None = None) -> Answer:
        form = sign_up_form(email, password)
        request = SignUp(sealed=await self.seal(form))
        return _answer(await sign_up(self.means, delivery(request, message_id)), form)

    async def log_in(self, email: str, password: str = PASSWORD) -> Answer:
        form = log_in_form(email, password)
        return _answer(await log_in(self.means, delivery(LogIn(sealed=await self.seal(form)))), form)

    async def refresh(self, token: str) -> Answer:
        return (await self.refresh_at_once(token, 1))[0]

    async def refresh_at_once(self, token: str, times: int) -> list[Answer]:
        """Requests that have all arrived before the first one is answered: sealing each would take its time."""
        forms = [refresh_form(token) for _ in range(times)]
        arriving = [delivery(RefreshTokens(sealed=await self.seal(form))) for form in forms]
        replies = await asyncio.gather(*(refresh(self.means, one) for one in arriving))
        return [_answer(reply, form) for reply, form in zip(replies, forms, strict=True)]

    async def log_out(self, token: str) -> None:
        await log_out(self.means, delivery(LogOut(sealed=await self.seal(log_out_form(token)))))


async def publish(connection: Connection, events: Sequence[tuple[Event, UUID]]) -> None:
    messages = [
        outgoing(event, exchange="aiops.events", source="aiops/auth", subject=str(subject)) for event, subject in events
    ]
    await outbox.append(connection, messages)


def now() -> datetime:
    return datetime.now(UTC)


def delivery(message: M, message_id: UUID | None = None, principal: str = "anonymous") -> Delivery[M]:
    return Delivery(id=message_id or uuid4(), message=message, principal=principal, attempt=1, time=now())


def on(transactions: Transactions) -> Running:
    """Auth on these transactions, without keys of its own."""
    credentials = Credentials(
        transactions=transactions,
        repository=CredentialKeyRepository(),
        cipher=CredentialCipher(MASTER_KEY),
        clock=now,
    )
    events = SecurityEvents(repository=SecurityEventRepository(), publish=publish, clock=now)
    tokens = TokenIssuer(
        issuer="aiops-auth",
        audience="aiops",
        access_lifetime=timedelta(minutes=10),
        refresh_lifetime=timedelta(days=30),
        master_key=MASTER_KEY,
    )
    keys = KeyRing(
        transactions=transactions,
        repository=SigningKeyRepository(),
        publish=publish,
        tokens=tokens,
        credentials=credentials,
        security_events=events,
        clock=now,
        lead=timedelta(minutes=2),
    )
    repository = Repository()
    means = Means(
        transactions=transactions,
        repository=repository,
        publish=publish,
        passwords=CHEAP,
        sessions=Sessions(repository, tokens, keys),
        credentials=credentials,
        events=events,
        clock=now,
    )
    return Running(means, keys)


async def running(pool: Pool) -> Running:
    made = on(pool.transaction)
    await forget_keys(pool)
    await made.keys.ensure()
    await made.means.credentials.ensure_key()
    return made


async def forget_keys(pool: Pool) -> None:
    """Keys that another test sealed with its own master key would not open."""
    async with pool.transaction() as connection:
        await connection.execute("DELETE FROM signing_keys; DELETE FROM credential_keys")


def new_email() -> str:
    return f"{uuid4().hex}@example.org"


def _answer(reply: AuthReply, form: AnswerKey) -> Answer:
    return Answer(reply, tokens_of(reply, form))
