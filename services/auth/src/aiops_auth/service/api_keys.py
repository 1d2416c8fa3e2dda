"""API keys for machines: made, shown once, revoked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from aiops_auth.api_key_secrets import ApiKeySecrets, digest_of
from aiops_auth.domain import (
    MAX_LIVE_KEYS,
    SHOWN_AGAIN_FOR,
    ApiKey,
    Detail,
    InvalidInput,
    IssuedApiKey,
    Role,
    VersionConflict,
    new_api_key,
    parse_api_key_name,
    revoked,
)
from aiops_auth.repository import ApiKeyRepository, Repository
from aiops_auth.service.actors import NOT_ADMIN, is_admin
from aiops_auth.service.credentials import Credentials, KeyUnknown
from aiops_auth.service.ports import Clock, Publish, Transactions
from aiops_auth.service.security_events import SecurityEvents
from aiops_auth.tokens import seal_answer
from aiops_common.logging import get_logger
from aiops_common.messaging.message import Delivery
from aiops_common.postgres import Connection
from aiops_contracts.auth import ApiKeyChanged, ApiKeyReply, ApiKeySnapshot, CreateApiKey, RevokeApiKey
from aiops_contracts.base import Event
from aiops_contracts.credentials import AnswerKey

_log = get_logger(__name__)

Refusal = Literal["INVALID_INPUT", "NOT_FOUND", "VERSION_CONFLICT", "KEY_UNKNOWN", "FORBIDDEN"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeys:
    """Answers the requests about API keys of those who are administrators when they are answered."""

    transactions: Transactions
    repository: ApiKeyRepository
    accounts: Repository
    publish: Publish
    secrets: ApiKeySecrets
    credentials: Credentials
    security_events: SecurityEvents
    clock: Clock

    async def create(self, delivery: Delivery[CreateApiKey]) -> ApiKeyReply:
        """Make a key and tell its secret: OK, INVALID_INPUT, FORBIDDEN or KEY_UNKNOWN.

        A repetition of the message, told by its id, gets the same key, and within ten minutes the same secret; what
        is stored of the secret afterwards is its digest.
        """
        reply = await self._made(delivery)
        _tell(delivery, reply)
        return reply

    async def _made(self, delivery: Delivery[CreateApiKey]) -> ApiKeyReply:
        try:
            form = await self.credentials.open(delivery.message.sealed, AnswerKey)
        except KeyUnknown:
            return _refused("KEY_UNKNOWN", "The answer key was not encrypted to the present credential key.", "sealed")
        except InvalidInput as error:
            return await self._refused_to_make(delivery, _refused("INVALID_INPUT", error.message, error.field))
        try:
            async with self.transactions() as connection:
                # Of administrators first: whoever is demoted meanwhile makes no key any more.
                await self.accounts.lock_roles(connection)
                await self.repository.lock(connection)
                issued = await self._issued_once(connection, delivery)
        except InvalidInput as error:
            return await self._refused_to_make(delivery, _refused("INVALID_INPUT", error.message, error.field))
        if issued is None:
            return await self._refused_to_make(delivery, _refused("FORBIDDEN", NOT_ADMIN))
        secret = self._shown(issued)
        return ApiKeyReply(
            outcome="OK",
            api_key=api_key(issued.key),
            sealed_secret=secret and seal_answer(secret.encode(), form.answer_key.get_secret_value()),
        )

    async def revoke(self, delivery: Delivery[RevokeApiKey]) -> ApiKeyReply:
        """Let nobody in with a key any more: OK, NOT_FOUND, VERSION_CONFLICT (with the key as it is) or FORBIDDEN.

        To revoke a revoked key is OK and changes nothing.
        """
        async with self.transactions() as connection:
            await self.accounts.lock_roles(connection)
            reply = await self._revoked(connection, delivery)
            if reply.outcome != "OK":
                await self._record_refusal(
                    connection,
                    "api_key.revoked",
                    reply.outcome,
                    delivery,
                    delivery.message.api_key_id,
                    expected_version=delivery.message.expected_version,
                )
        _tell(delivery, reply)
        return reply

    async def wipe_secrets(self) -> None:
        """Forget the secrets that are not shown again."""
        async with self.transactions() as connection:
            await self.repository.wipe_secrets(connection, self.clock() - SHOWN_AGAIN_FOR)

    async def _revoked(self, connection: Connection, delivery: Delivery[RevokeApiKey]) -> ApiKeyReply:
        request = delivery.message
        known = await self.repository.lock_key(connection, request.api_key_id)
        is_repetition = known is not None and known.revoked_at and request.expected_version == known.version - 1
        if not is_repetition and not await is_admin(self.accounts, connection, request.revoked_by):
            return _refused("FORBIDDEN", NOT_ADMIN)
        if known is None:
            return _refused("NOT_FOUND", "There is no such API key.", "api_key_id")
        try:
            key = revoked(known, expected_version=request.expected_version, now=self.clock())
        except VersionConflict as conflict:
            return _refused("VERSION_CONFLICT", str(conflict), "expected_version", known)
        if key is not known:
            await self.repository.save_revocation(connection, key)
            await self._record(connection, key, "api_key.revoked", delivery.principal, request.address)
        return ApiKeyReply(outcome="OK", api_key=api_key(key))

    async def _issued_once(self, connection: Connection, delivery: Delivery[CreateApiKey]) -> IssuedApiKey | None:
        """The key of this message, made now or before; None where whoever asks may not."""
        request = delivery.message
        issued = await self.repository.issued(connection, delivery.id)
        if issued is None and not await is_admin(self.accounts, connection, request.created_by):
            return None
        name = parse_api_key_name(request.name)
        if issued is None:
            return await self._issue(connection, delivery, name)
        key = issued.key
        asked = (name, Role(request.role), request.created_by, request.expires_at)
        if asked != (key.name, key.role, key.created_by, key.expires_at):
            raise InvalidInput("", "This request was made before, for another API key: send it under an id of its own.")
        return issued

    async def _issue(self, connection: Connection, delivery: Delivery[CreateApiKey], name: str) -> IssuedApiKey:
        request, now = delivery.message, self.clock()
        await self.repository.wipe_secrets(connection, now - SHOWN_AGAIN_FOR)
        if await self.repository.count_live(connection, now) >= MAX_LIVE_KEYS:
            raise InvalidInput("", f"There are {MAX_LIVE_KEYS} API keys in use, which is the most: revoke one first.")
        secret = self.secrets.new()
        key = new_api_key(
            name=name,
            role=Role(request.role),
            digest=digest_of(secret),
            created_by=request.created_by,
            expires_at=request.expires_at,
            now=now,
        )
        issued = IssuedApiKey(key, delivery.id, self.secrets.seal(secret, about=key.id))
        await self.repository.add(connection, issued)
        await self._record(connection, key, "api_key.created", delivery.principal, request.address)
        return issued

    def _shown(self, issued: IssuedApiKey) -> str | None:
        if issued.sealed_secret is None or self.clock() - issued.key.created_at >= SHOWN_AGAIN_FOR:
            return None
        return self.secrets.open(issued.sealed_secret, about=issued.key.id)

    async def _record(
        self, connection: Connection, key: ApiKey, action: str, principal: str, address: str | None
    ) -> None:
        await self.publish(connection, [api_key_changed(key)])
        await self.security_events.record(
            connection,
            action,
            "OK",
            principal,
            subject=key.id,
            address=address,
            role=key.role.value,
            version=key.version,
            expires_at=_text(key.expires_at),
        )

    async def _refused_to_make(self, delivery: Delivery[CreateApiKey], reply: ApiKeyReply) -> ApiKeyReply:
        # In a transaction of its own: what was begun for the key is undone.
        async with self.transactions() as connection:
            await self._record_refusal(connection, "api_key.created", reply.outcome, delivery, None)
        return reply

    async def _record_refusal(
        self,
        connection: Connection,
        action: str,
        outcome: str,
        delivery: Delivery[CreateApiKey] | Delivery[RevokeApiKey],
        subject: UUID | None,
        **details: Detail,
    ) -> None:
        address = delivery.message.address
        await self.security_events.record(connection, action, outcome, delivery.principal, subject, address, **details)


def api_key(key: ApiKey) -> ApiKeySnapshot:
    """What others may know of an API key."""
    return ApiKeySnapshot(
        id=key.id,
        version=key.version,
        name=key.name,
        role=key.role.value,
        digest=key.digest.hex(),
        created_by=key.created_by,
        created_at=key.created_at,
        updated_at=key.updated_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
    )


def api_key_changed(key: ApiKey) -> tuple[Event, UUID]:
    """The event that tells of ``key`` as it is now, and its subject."""
    return ApiKeyChanged(api_key=api_key(key)), key.id


def _tell(delivery: Delivery[CreateApiKey] | Delivery[RevokeApiKey], reply: ApiKeyReply) -> None:
    _log.info(
        "api_key.change_decided",
        change=delivery.message.message_type,
        outcome=reply.outcome,
        api_key_id=reply.api_key and reply.api_key.id,
        by=delivery.principal,
    )


def _refused(outcome: Refusal, message: str, field: str = "", key: ApiKey | None = None) -> ApiKeyReply:
    return ApiKeyReply(outcome=outcome, message=message, field=field or None, api_key=key and api_key(key))


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
