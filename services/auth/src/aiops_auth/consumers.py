"""What auth answers, and who decides."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiops_auth.service import AuthService, Replays
from aiops_common.messaging.message import Delivery
from aiops_common.messaging.requests import RequestHandler
from aiops_contracts.auth import (
    AuthReply,
    LogIn,
    LogOut,
    RefreshTokens,
    ReplaySigningKeys,
    ReplayUsers,
    SetUserRole,
    SignUp,
)
from aiops_contracts.base import Request


def request_handlers(service: AuthService, replays: Replays) -> Mapping[str, RequestHandler]:
    """Requests on ``auth.requests``."""
    decisions: dict[type[Request], Callable[[Any], Awaitable[AuthReply]]] = {
        SignUp: service.sign_up,
        LogIn: service.log_in,
        RefreshTokens: service.refresh,
        LogOut: service.log_out,
        SetUserRole: service.set_user_role,
    }
    return {
        **{kind.message_type: RequestHandler(kind, _answer(decide)) for kind, decide in decisions.items()},
        ReplayUsers.message_type: RequestHandler(ReplayUsers, replays.users),
        ReplaySigningKeys.message_type: RequestHandler(ReplaySigningKeys, replays.signing_keys),
    }


def _answer(
    decide: Callable[[Any], Awaitable[AuthReply]],
) -> Callable[[Delivery[Any]], Awaitable[AuthReply]]:
    async def answer(delivery: Delivery[Any]) -> AuthReply:
        return await decide(delivery.message)

    return answer
