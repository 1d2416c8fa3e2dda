"""The keys of auth on a real database, with a clock that the test turns; events go to the outbox."""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwe

from aiops_auth.api_key_secrets import ApiKeySecrets
from aiops_auth.repository import (
    ApiKeyRepository,
    CredentialKeyRepository,
    Repository,
    SecurityEventRepository,
    SigningKeyRepository,
)
from aiops_auth.service import ApiKeys, ExpiredSessions, KeyRing
from aiops_auth.service.credentials import Credentials
from aiops_auth.service.security_events import SecurityEvents
from aiops_auth.tokens import CredentialCipher, TokenIssuer
from aiops_common.messaging import outbox
from aiops_common.messaging.message import Delivery, outgoing
from aiops_common.postgres import Connection, Pool
from aiops_contracts.auth import ApiKeyReply, CreateApiKey, RevokeApiKey, Role
from aiops_contracts.base import Event
from integration.auth.administrators import add_admin

MASTER_KEY = os.urandom(32)
ADMIN = uuid4()
ACCESS_LIFETIME = timedelta(minutes=10)
LEAD = timedelta(minutes=2)


@dataclass
class Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(frozen=True)
class Keys:
    """What is under test."""

    ring: KeyRing
    api_keys: ApiKeys
    credentials: Credentials
    sessions: ExpiredSessions
    clock: Clock
    pool: Pool

    async def kid_now(self) -> str:
        """The key that signs now."""
        async with self.pool.connection() as connection:
            return (await self.ring.signing(connection, self.clock())).kid

    async def events(self, message_type: str) -> list[dict[str, Any]]:
        """What was published, oldest first."""
        async with self.pool.connection() as connection:
            rows = await connection.fetch(
                "SELECT body FROM outbox WHERE routing_key = $1 ORDER BY created_at, id", message_type
            )
        return [orjson.loads(row["body"])["data"] for row in rows]

    async def fetch(self, statement: str, *arguments: object) -> list[dict[str, Any]]:
        async with self.pool.connection() as connection:
            return [dict(row) for row in await connection.fetch(statement, *arguments)]


async def publish(connection: Connection, events: Sequence[tuple[Event, UUID]]) -> None:
    messages = [
        outgoing(event, exchange="aiops.events", source="aiops/auth", subject=str(subject)) for event, subject in events
    ]
    await outbox.append(connection, messages)


async def ringing(pool: Pool, *, lead: timedelta = LEAD) -> Keys:
    """No key and no API key yet, and one administrator."""
    await add_admin(pool, ADMIN)
    async with pool.transaction() as connection:
        await connection.execute("TRUNCATE signing_keys, credential_keys, api_keys, outbox")
    clock = Clock(datetime.now(UTC).replace(microsecond=123_456))
    credentials = Credentials(
        transactions=pool.transaction,
        repository=CredentialKeyRepository(),
        cipher=CredentialCipher(MASTER_KEY),
        clock=clock,
    )
    events = SecurityEvents(repository=SecurityEventRepository(), publish=publish, clock=clock)
    ring = KeyRing(
        transactions=pool.transaction,
        repository=SigningKeyRepository(),
        publish=publish,
        tokens=TokenIssuer(
            issuer="aiops-auth",
            audience="aiops",
            access_lifetime=ACCESS_LIFETIME,
            refresh_lifetime=timedelta(days=30),
            master_key=MASTER_KEY,
        ),
        credentials=credentials,
        security_events=events,
        clock=clock,
        lead=lead,
    )
    api_keys = ApiKeys(
        transactions=pool.transaction,
        repository=ApiKeyRepository(),
        accounts=Repository(),
        publish=publish,
        secrets=ApiKeySecrets(MASTER_KEY),
        credentials=credentials,
        security_events=events,
        clock=clock,
    )
    sessions = ExpiredSessions(pool.transaction, Repository(), clock)
    return Keys(ring, api_keys, credentials, sessions, clock, pool)


async def sealed_form(keys: Keys, answer_key: bytes) -> str:
    """An answer key, encrypted to the present credential key as the gateway does it."""
    delivery: Any = None
    jwk = (await keys.credentials.current_key(delivery)).jwk
    numbers = {name: int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "=="), "big") for name in ("n", "e")}
    key = rsa.RSAPublicNumbers(numbers["e"], numbers["n"]).public_key()
    plain = orjson.dumps({"answer_key": base64.urlsafe_b64encode(answer_key).rstrip(b"=").decode()})
    sealed: bytes = jwe.encrypt(plain, key, algorithm="RSA-OAEP-256", encryption="A256GCM", kid=jwk["kid"])
    return sealed.decode()


async def create(
    keys: Keys, *, request_id: UUID | None = None, answer_key: bytes | None = None, **changes: Any
) -> tuple[ApiKeyReply, str | None]:
    """The answer to a request for an API key, and the secret that it told."""
    answer_key = answer_key or os.urandom(32)
    form = {"name": "deploy bot", "role": Role.OPS, "created_by": ADMIN, "address": "192.0.2.1", **changes}
    if "sealed" not in form:
        form["sealed"] = await sealed_form(keys, answer_key)
    reply = await keys.api_keys.create(delivered(CreateApiKey(**form), request_id))
    secret = jwe.decrypt(reply.sealed_secret, answer_key) if reply.sealed_secret else None
    return reply, secret.decode() if secret else None


async def revoke(keys: Keys, key_id: UUID, *, expected_version: int = 1, revoked_by: UUID = ADMIN) -> ApiKeyReply:
    request = RevokeApiKey(api_key_id=key_id, expected_version=expected_version, revoked_by=revoked_by)
    return await keys.api_keys.revoke(delivered(request))


def delivered(message: Any, message_id: UUID | None = None) -> Delivery[Any]:
    return Delivery(
        id=message_id or uuid4(), message=message, principal=f"user:{ADMIN}", attempt=1, time=datetime.now(UTC)
    )
