"""Mutations about accounts: answered by auth, within a deadline."""

from typing import Any, TypeVar

import strawberry

from aiops_contracts.auth import AuthReply, LogIn, LogOut, RefreshTokens, SetUserRole, SignUp
from aiops_gateway.graphql.context import Info
from aiops_gateway.graphql.enums import UserErrorCode
from aiops_gateway.graphql.errors import UserError, user_error, user_errors
from aiops_gateway.graphql.ids import uuid_of
from aiops_gateway.graphql.inputs import (
    InvalidInput,
    LoginInput,
    LogoutInput,
    RefreshTokensInput,
    SetUserRoleInput,
    SignupInput,
    camel,
    to_message,
)
from aiops_gateway.graphql.payloads import AuthPayload, LogoutPayload, Tokens, UserPayload
from aiops_gateway.graphql.types import User

R = TypeVar("R", SignUp, LogIn, RefreshTokens, LogOut)


@strawberry.type
class AccountMutation:
    @strawberry.mutation(description="Make an account with role VIEWER and log it in.")
    async def signup(self, info: Info, input: SignupInput) -> AuthPayload:  # noqa: A002
        return await _authenticate(info, SignUp, vars(input))

    @strawberry.mutation
    async def login(self, info: Info, input: LoginInput) -> AuthPayload:  # noqa: A002
        return await _authenticate(info, LogIn, vars(input))

    @strawberry.mutation(description="Exchange a refresh token for a new pair; the old one is spent.")
    async def refresh_tokens(self, info: Info, input: RefreshTokensInput) -> AuthPayload:  # noqa: A002
        return await _authenticate(info, RefreshTokens, vars(input))

    @strawberry.mutation(description="Revoke a refresh token and all that came of the same log-in.")
    async def logout(self, info: Info, input: LogoutInput) -> LogoutPayload:  # noqa: A002
        payload = await _authenticate(info, LogOut, vars(input))
        return LogoutPayload(user_errors=payload.user_errors)

    @strawberry.mutation(description="Give an account another role. ADMIN only.")
    async def set_user_role(self, info: Info, input: SetUserRoleInput) -> UserPayload:  # noqa: A002
        viewer = await info.context.require("setUserRole")
        user_id = uuid_of(input.user_id, "User")
        if user_id is None:
            return UserPayload(user_errors=[user_error(UserErrorCode.NOT_FOUND, "there is no such user", ["userId"])])
        request = SetUserRole(
            user_id=user_id, role=input.role, expected_version=input.expected_version, changed_by=viewer.user_id
        )
        reply = await info.context.use_cases.decisions.set_user_role(viewer, request)
        return UserPayload(user=User.of(reply.user) if reply.user else None, user_errors=_errors(reply))


async def _authenticate(info: Info, kind: type[R], values: dict[str, Any]) -> AuthPayload:
    try:
        request = to_message(kind, values)
    except InvalidInput as error:
        return AuthPayload(user_errors=user_errors(error))
    reply = await info.context.use_cases.decisions.ask_auth(request)
    tokens = reply.tokens
    return AuthPayload(
        tokens=Tokens(
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token,
            token_type="Bearer",  # noqa: S106 -- the scheme of RFC 6750, not a secret
            expires_at=tokens.expires_at,
        )
        if tokens
        else None,
        user=User.of(reply.user) if reply.user else None,
        user_errors=_errors(reply),
    )


def _errors(reply: AuthReply) -> list[UserError]:
    if reply.outcome == "OK":
        return []
    return [user_error(UserErrorCode(reply.outcome), reply.message, [camel(reply.field)] if reply.field else None)]
