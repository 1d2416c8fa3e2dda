"""Mutations about accounts: answered by auth, within a deadline."""

from collections.abc import Awaitable
from typing import Any, TypeVar

import strawberry

from aiops_contracts.auth import ApiKeyReply, AuthReply, RemoveUser, SetUserRole
from aiops_contracts.credentials import AnswerKey, LogInForm, LogOutForm, RefreshTokensForm, SignUpForm
from aiops_gateway.graphql.context import Info
from aiops_gateway.graphql.enums import UserErrorCode
from aiops_gateway.graphql.errors import UserError, user_error, user_errors
from aiops_gateway.graphql.ids import uuid_of
from aiops_gateway.graphql.inputs import (
    InvalidInput,
    LoginInput,
    LogoutInput,
    RefreshTokensInput,
    RemoveUserInput,
    SetUserRoleInput,
    SignupInput,
    camel,
    checked_key,
    to_message,
)
from aiops_gateway.graphql.payloads import AuthPayload, LogoutPayload, RemoveUserPayload, Tokens, UserPayload
from aiops_gateway.graphql.types import User
from aiops_gateway.service.acceptance import KeyReused
from aiops_gateway.service.admission import TooManyRequests
from aiops_gateway.service.credentials import TooLong, new_answer_key
from aiops_gateway.service.decisions import SignedIn

F = TypeVar("F", bound=AnswerKey)

_TOKEN_TYPE = "Bearer"  # noqa: S105 -- the scheme of RFC 6750, not a secret


@strawberry.type
class AccountMutation:
    @strawberry.mutation(
        description="Make an account with role VIEWER and log it in. Under the same idempotencyKey, with the same "
        "address and password, it logs in to the account that was made."
    )
    async def signup(self, info: Info, input: SignupInput) -> AuthPayload:  # noqa: A002
        values = vars(input).copy()
        try:
            key = checked_key(values.pop("idempotency_key"))
            form, context = _form(SignUpForm, values), info.context
            decisions = context.use_cases.decisions
            return await _signed_in(decisions.sign_up(form, context.address, key, admit=context.sign_in))
        except (InvalidInput, KeyReused, TooManyRequests) as error:
            return AuthPayload(user_errors=user_errors(error))

    @strawberry.mutation(description="Exchange an e-mail address and a password for tokens.")
    async def login(self, info: Info, input: LoginInput) -> AuthPayload:  # noqa: A002
        try:
            info.context.sign_in()
            form, decisions = _form(LogInForm, vars(input)), info.context.use_cases.decisions
            return await _signed_in(decisions.log_in(form, info.context.address))
        except (InvalidInput, TooManyRequests) as error:
            return AuthPayload(user_errors=user_errors(error))

    @strawberry.mutation(description="Exchange a refresh token for a new pair; the old one is spent.")
    async def refresh_tokens(self, info: Info, input: RefreshTokensInput) -> AuthPayload:  # noqa: A002
        try:
            info.context.sign_in()
            form, decisions = _form(RefreshTokensForm, vars(input)), info.context.use_cases.decisions
            return await _signed_in(decisions.refresh_tokens(form, info.context.address))
        except (InvalidInput, TooManyRequests) as error:
            return AuthPayload(user_errors=user_errors(error))

    @strawberry.mutation(description="Revoke a refresh token and all that came of the same log-in.")
    async def logout(self, info: Info, input: LogoutInput) -> LogoutPayload:  # noqa: A002
        try:
            info.context.sign_in()
            form, decisions = _form(LogOutForm, vars(input)), info.context.use_cases.decisions
            payload = await _signed_in(decisions.log_out(form, info.context.address))
        except (InvalidInput, TooManyRequests) as error:
            return LogoutPayload(user_errors=user_errors(error))
        return LogoutPayload(user_errors=payload.user_errors)

    @strawberry.mutation(description="Give an account another role. For people who are ADMIN only.")
    async def set_user_role(self, info: Info, input: SetUserRoleInput) -> UserPayload:  # noqa: A002
        viewer = await info.context.require("setUserRole")
        user_id = uuid_of(input.user_id, "User")
        if user_id is None:
            return UserPayload(user_errors=[_no_such_user()])
        request = SetUserRole(
            user_id=user_id,
            role=input.role,
            expected_version=input.expected_version,
            changed_by=viewer.user_id,
            address=info.context.address,
        )
        try:
            key = checked_key(input.idempotency_key)
            reply = await info.context.use_cases.decisions.set_user_role(viewer, request, key)
        except (InvalidInput, KeyReused) as error:
            return UserPayload(user_errors=user_errors(error))
        return UserPayload(user=User.of(reply.user) if reply.user else None, user_errors=reply_errors(reply))

    @strawberry.mutation(
        description="Remove an account with its sessions; its tokens are refused from the next request on. What it "
        "handed in stays. For people who are ADMIN only."
    )
    async def remove_user(self, info: Info, input: RemoveUserInput) -> RemoveUserPayload:  # noqa: A002
        viewer = await info.context.require("removeUser")
        user_id = uuid_of(input.user_id, "User")
        if user_id is None:
            return RemoveUserPayload(user_errors=[_no_such_user()])
        request = RemoveUser(
            user_id=user_id,
            expected_version=input.expected_version,
            removed_by=viewer.user_id,
            address=info.context.address,
        )
        try:
            key = checked_key(input.idempotency_key)
            reply = await info.context.use_cases.decisions.remove_user(viewer, request, key)
        except (InvalidInput, KeyReused) as error:
            return RemoveUserPayload(user_errors=user_errors(error))
        return RemoveUserPayload(user_errors=reply_errors(reply))


def reply_errors(reply: AuthReply | ApiKeyReply) -> list[UserError]:
    """Why auth did not do what it was asked, as data; nothing where it did."""
    if reply.outcome == "OK":
        return []
    return [user_error(UserErrorCode(reply.outcome), reply.message, [camel(reply.field)] if reply.field else None)]


def _form(kind: type[F], values: dict[str, Any]) -> F:
    return to_message(kind, {**values, "answer_key": new_answer_key()})


async def _signed_in(asked: Awaitable[SignedIn]) -> AuthPayload:
    try:
        signed_in = await asked
    except TooLong as error:
        raise InvalidInput([([], str(error))]) from None
    reply, tokens = signed_in.reply, signed_in.tokens
    return AuthPayload(
        tokens=Tokens(
            access_token=tokens.access_token.get_secret_value(),
            refresh_token=tokens.refresh_token.get_secret_value(),
            token_type=_TOKEN_TYPE,
            expires_at=tokens.expires_at,
        )
        if tokens
        else None,
        user=User.of(reply.user) if reply.user else None,
        user_errors=reply_errors(reply),
    )


def _no_such_user() -> UserError:
    return user_error(UserErrorCode.NOT_FOUND, "there is no such user", ["userId"])
