"""What auth answers, and who decides."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from aiops_auth.passwords import TooManyWaiting
from aiops_auth.service import (
    ApiKeys,
    Means,
    Replays,
    log_in,
    log_out,
    refresh,
    remove_user,
    set_user_role,
    sign_up,
)
from aiops_common.messaging.message import Delivery
from aiops_common.messaging.requests import RequestHandler
from aiops_contracts.auth import (
    AuthReply,
    CreateApiKey,
    GetCredentialKey,
    LogIn,
    LogOut,
    RefreshTokens,
    RemoveUser,
    ReplayApiKeys,
    ReplaySigningKeys,
    ReplayUsers,
    RevokeApiKey,
    SetUserRole,
    SignUp,
)
from aiops_contracts.base import Request

_DECISIONS: Mapping[type[Request], Callable[[Means, Delivery[Any]], Awaitable[AuthReply]]] = {
    SignUp: sign_up,
    LogIn: log_in,
    RefreshTokens: refresh,
    LogOut: log_out,
    SetUserRole: set_user_role,
    RemoveUser: remove_user,
}

_EXPECTED = (TooManyWaiting,)


def request_handlers(means: Means, api_keys: ApiKeys, replays: Replays) -> Mapping[str, RequestHandler]:
    """Requests on ``auth.requests``."""
    handlers = [
        *(RequestHandler(kind, partial(decide, means), _EXPECTED) for kind, decide in _DECISIONS.items()),
        RequestHandler(GetCredentialKey, means.credentials.current_key),
        RequestHandler(CreateApiKey, api_keys.create),
        RequestHandler(RevokeApiKey, api_keys.revoke),
        RequestHandler(ReplayUsers, replays.users),
        RequestHandler(ReplaySigningKeys, replays.signing_keys),
        RequestHandler(ReplayApiKeys, replays.api_keys),
    ]
    return {handler.kind.message_type: handler for handler in handlers}
