"""API keys: listed from the read model, made and revoked by auth."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from aiops_common.messaging.requests import Requester
from aiops_common.postgres import Pool
from aiops_contracts.auth import ApiKeyReply, ApiKeySnapshot, CreateApiKey, RevokeApiKey
from aiops_contracts.credentials import AnswerKey
from aiops_gateway.domain.access import Forbidden, Viewer
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.repository import api_keys
from aiops_gateway.service.acceptance import Identity, claim_key
from aiops_gateway.service.credentials import Credentials, new_answer_key, opened_bytes
from aiops_gateway.service.viewers import Viewers


@dataclass(frozen=True, slots=True)
class Created:
    """What auth decided, and the secret of the key that it made. Nobody can show the secret again later."""

    reply: ApiKeyReply
    secret: str | None


class ApiKeys:
    """What administrators do with API keys. All methods raise DatabaseUnavailable; those that ask auth also NoReply,
    and KeyReused where the idempotency key stands for something else."""

    def __init__(self, pool: Pool, requester: Requester, credentials: Credentials, viewers: Viewers) -> None:
        self._pool = pool
        self._requester = requester
        self._credentials = credentials
        self._viewers = viewers

    async def page(self, request: PageRequest) -> tuple[list[ApiKeySnapshot], bool]:
        """One page of keys, newest first, and whether there are more."""
        async with self._pool.connection() as connection:
            return await api_keys.page(connection, request)

    async def count(self) -> int:
        """How many keys there are, revoked ones included."""
        async with self._pool.connection() as connection:
            return await api_keys.count(connection)

    async def get(self, identity: UUID) -> ApiKeySnapshot | None:
        """One key, None where there is none."""
        async with self._pool.connection() as connection:
            return await api_keys.get(connection, identity)

    async def create(self, viewer: Viewer, request: Callable[[str], CreateApiKey], key: str | None) -> Created:
        """Make a key; ``request`` makes the request around what is sealed for auth."""
        identity = Identity.of(viewer, "createApiKey", key, request(""))
        await claim_key(self._pool, identity)
        form = AnswerKey(answer_key=new_answer_key())
        reply = await self._credentials.ask(
            request, form, ApiKeyReply, principal=viewer.principal, message_id=identity.message_id
        )
        await self._decided(viewer, reply)
        secret = opened_bytes(reply.sealed_secret, form.answer_key).decode() if reply.sealed_secret else None
        return Created(reply, secret)

    async def revoke(self, viewer: Viewer, request: RevokeApiKey, key: str | None) -> ApiKeyReply:
        """Revoke a key."""
        identity = Identity.of(viewer, "revokeApiKey", key, request)
        await claim_key(self._pool, identity)
        reply = await self._requester.ask(
            "auth", request, ApiKeyReply, principal=viewer.principal, message_id=identity.message_id
        )
        await self._decided(viewer, reply)
        return reply

    async def _decided(self, viewer: Viewer, reply: ApiKeyReply) -> None:
        if reply.outcome == "FORBIDDEN":
            # Auth knows roles first: what is believed here may be a moment old.
            self._viewers.forget(viewer.user_id)
            raise Forbidden(reply.message)
        if reply.api_key is None:
            return
        async with self._pool.connection() as connection:
            await api_keys.project(connection, [reply.api_key])
        self._viewers.forget(reply.api_key.id)
