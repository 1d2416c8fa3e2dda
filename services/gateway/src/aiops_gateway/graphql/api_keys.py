"""API keys in the API: the type, its list, making and revoking one. All of it is for ADMIN."""

from datetime import datetime
from functools import partial
from typing import Self
from uuid import UUID

import strawberry

from aiops_contracts.auth import ApiKeySnapshot, CreateApiKey, RevokeApiKey
from aiops_gateway.domain.access import Viewer, may_use
from aiops_gateway.domain.paging import PageRequest, Position
from aiops_gateway.graphql.account_mutations import reply_errors
from aiops_gateway.graphql.connections import Connection
from aiops_gateway.graphql.context import Info
from aiops_gateway.graphql.enums import Role, UserErrorCode
from aiops_gateway.graphql.errors import UserError, user_error, user_errors
from aiops_gateway.graphql.ids import to_global_id, uuid_of
from aiops_gateway.graphql.inputs import InvalidInput, checked_key, to_message
from aiops_gateway.graphql.types import Node
from aiops_gateway.service.acceptance import KeyReused

_TYPE = "ApiKey"


@strawberry.type(description="A machine's access. Its secret is shown once, when it is made.")
class ApiKey(Node):
    name: str
    role: Role = strawberry.field(description="What the key may do; it never may what is for people only.")
    created_by: strawberry.ID = strawberry.field(description="The User who made it.")
    version: int
    created_at: datetime
    expires_at: datetime | None = strawberry.field(description="From then on it is refused; null: no end.")
    revoked_at: datetime | None = strawberry.field(description="It is refused; null: it is not revoked.")

    @classmethod
    def of(cls, s: ApiKeySnapshot) -> Self:
        """As administrators see it."""
        return cls(
            id=to_global_id(_TYPE, s.id),
            name=s.name,
            role=s.role,
            created_by=to_global_id("User", s.created_by),
            version=s.version,
            created_at=s.created_at,
            expires_at=s.expires_at,
            revoked_at=s.revoked_at,
        )


@strawberry.input
class CreateApiKeyInput:
    name: str = strawberry.field(description="What it is for; 1 to 100 characters.")
    role: Role
    expires_at: datetime | None = None
    idempotency_key: str | None = None


@strawberry.input
class RevokeApiKeyInput:
    api_key_id: strawberry.ID
    expected_version: int
    idempotency_key: str | None = None


@strawberry.type
class CreateApiKeyPayload:
    api_key: ApiKey | None = None
    secret: str | None = strawberry.field(
        default=None, description="Sent as: Authorization: Bearer <secret>. Keep it now, it cannot be shown again."
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class ApiKeyPayload:
    api_key: ApiKey | None = strawberry.field(default=None, description="On VERSION_CONFLICT the current one.")
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class ApiKeyQuery:
    @strawberry.field(description="All API keys, newest first, also revoked and expired ones. ADMIN only.")
    async def api_keys(self, info: Info, first: int | None = None, after: str | None = None) -> Connection[ApiKey]:
        await info.context.require("apiKeys")
        keys = info.context.use_cases.api_keys
        rows, has_next = await keys.page(PageRequest.of(first, after, None, None))
        return Connection.of(
            [(Position(key.created_at, key.id), ApiKey.of(key)) for key in rows],
            has_next=has_next,
            has_previous=after is not None,
            counter=keys.count,
        )


async def api_key(info: Info, viewer: Viewer, identity: UUID) -> ApiKey | None:
    """One key; None where there is none that ``viewer`` may see."""
    if not may_use(viewer, "apiKeys"):
        return None
    found = await info.context.use_cases.api_keys.get(identity)
    return ApiKey.of(found) if found else None


@strawberry.type
class ApiKeyMutation:
    @strawberry.mutation(
        description="Make an API key for a machine. The secret is in this answer only; the same idempotencyKey gives "
        "it again for ten minutes, afterwards the key without it, as the key is then. For people who are ADMIN only."
    )
    async def create_api_key(self, info: Info, input: CreateApiKeyInput) -> CreateApiKeyPayload:  # noqa: A002
        viewer = await info.context.require("createApiKey")
        values = {**vars(input), "created_by": viewer.user_id, "address": info.context.address}
        try:
            key = checked_key(values.pop("idempotency_key"))
            request = partial(_request, values)
            created = await info.context.use_cases.api_keys.create(viewer, request, key)
        except (InvalidInput, KeyReused) as error:
            return CreateApiKeyPayload(user_errors=user_errors(error))
        made = created.reply.api_key
        return CreateApiKeyPayload(
            api_key=ApiKey.of(made) if made else None,
            secret=created.secret,
            user_errors=reply_errors(created.reply),
        )

    @strawberry.mutation(
        description="Revoke an API key if it still is at expectedVersion; it is refused from the next request on. The "
        "same idempotencyKey gives the key as it is now. For people who are ADMIN only."
    )
    async def revoke_api_key(self, info: Info, input: RevokeApiKeyInput) -> ApiKeyPayload:  # noqa: A002
        viewer = await info.context.require("revokeApiKey")
        key_id = uuid_of(input.api_key_id, _TYPE)
        if key_id is None:
            error = user_error(UserErrorCode.NOT_FOUND, "there is no such API key", ["apiKeyId"])
            return ApiKeyPayload(user_errors=[error])
        request = RevokeApiKey(
            api_key_id=key_id,
            expected_version=input.expected_version,
            revoked_by=viewer.user_id,
            address=info.context.address,
        )
        try:
            key = checked_key(input.idempotency_key)
            reply = await info.context.use_cases.api_keys.revoke(viewer, request, key)
        except (InvalidInput, KeyReused) as error:
            return ApiKeyPayload(user_errors=user_errors(error))
        return ApiKeyPayload(
            api_key=ApiKey.of(reply.api_key) if reply.api_key else None, user_errors=reply_errors(reply)
        )


def _request(values: dict[str, object], sealed: str) -> CreateApiKey:
    return to_message(CreateApiKey, {**values, "sealed": sealed})
