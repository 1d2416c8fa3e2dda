"""Use cases whose requests are encrypted: open, decide, and refuse in words what does not open."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiops_auth.domain import InvalidInput
from aiops_auth.service.credentials import KeyUnknown
from aiops_auth.service.means import Means
from aiops_auth.service.replies import refused
from aiops_contracts.auth import AuthReply
from aiops_contracts.credentials import AnswerKey

F = TypeVar("F", bound=AnswerKey)


async def opened(
    means: Means,
    sealed: str,
    form: type[F],
    decide: Callable[[F], Awaitable[AuthReply]],
) -> AuthReply:
    """What ``decide`` says about the form in ``sealed``; KEY_UNKNOWN or INVALID_INPUT without one."""
    try:
        credentials = await means.credentials.open(sealed, form)
    except KeyUnknown:
        return refused("KEY_UNKNOWN", "The credentials are not encrypted to a key that is in use; fetch it again.")
    except InvalidInput as error:
        return refused("INVALID_INPUT", error.message, error.field)
    return await decide(credentials)
