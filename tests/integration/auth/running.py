"""Auth on a real database: ``auth_pool`` leads to a migrated schema, events go to its outbox."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from pydantic import SecretStr

from aiops_auth.passwords import Passwords
from aiops_auth.repository import Repository
from aiops_auth.service import AuthService
from aiops_auth.tokens import TokenIssuer
from aiops_common.messaging import outbox
from aiops_common.messaging.message import outgoing
from aiops_common.postgres import Connection, Pool
from aiops_contracts.auth import AuthReply, LogIn, RefreshTokens, SignUp
from aiops_contracts.base import Event

PASSWORD = "a rather long sentence"
MASTER_KEY = os.urandom(32)


async def publish(connection: Connection, events: Sequence[tuple[Event, UUID]]) -> None:
    messages = [
        outgoing(event, exchange="aiops.events", source="aiops/auth", subject=str(subject)) for event, subject in events
    ]
    await outbox.append(connection, messages)


def now() -> datetime:
    return datetime.now(UTC)


async def running(pool: Pool) -> AuthService:
    service = AuthService(
        transactions=pool.transaction,
        repository=Repository(),
        publish=publish,
        passwords=Passwords(memory_kib=8, time_cost=1, parallelism=1, concurrency=2),
        tokens=TokenIssuer(
            issuer="aiops-auth",
            audience="aiops",
            access_lifetime=timedelta(minutes=10),
            refresh_lifetime=timedelta(days=30),
            master_key=MASTER_KEY,
        ),
        clock=now,
    )
    async with pool.transaction() as connection:
        # Keys that another test sealed with its own master key would not open.
        await connection.execute("DELETE FROM signing_keys")
    await service.ensure_signing_key()
    return service


def new_email() -> str:
    return f"{uuid4().hex}@example.org"


async def sign_up(service: AuthService, email: str) -> AuthReply:
    return await service.sign_up(SignUp(email=email, password=SecretStr(PASSWORD), display_name="Ada"))


async def log_in(service: AuthService, email: str, password: str = PASSWORD) -> AuthReply:
    return await service.log_in(LogIn(email=email, password=SecretStr(password)))


async def refresh(service: AuthService, token: str) -> AuthReply:
    return await service.refresh(RefreshTokens(refresh_token=SecretStr(token)))


def refresh_token_of(reply: AuthReply) -> str:
    assert reply.outcome == "OK", reply
    assert reply.tokens is not None
    return reply.tokens.refresh_token
