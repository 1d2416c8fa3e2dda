"""How errors look to clients: domain errors are data, everything else has a code and never more than may be known."""

import uuid
from collections.abc import Mapping
from typing import Any

import strawberry
from graphql import GraphQLError

from aiops_common.logging import get_logger
from aiops_common.messaging.deadletter import BrokerUnavailable, Stopped
from aiops_common.messaging.requests import NoReply
from aiops_common.postgres import DatabaseUnavailable
from aiops_gateway.domain.access import Forbidden, Unauthenticated
from aiops_gateway.domain.paging import InvalidPage
from aiops_gateway.graphql.enums import UserErrorCode
from aiops_gateway.graphql.inputs import InvalidInput
from aiops_gateway.service.acceptance import KeyReused
from aiops_gateway.service.changes import SlowReader
from aiops_gateway.service.dead_letters import UnknownQueue

_log = get_logger(__name__)


@strawberry.interface(description="What a client or its user did wrong, and can mend.")
class UserError:
    message: str
    field: list[str] | None = strawberry.field(description="Path into the input, null for the whole input.")
    code: UserErrorCode


@strawberry.type(description="A mistake in an input, or a decision against it.")
class InputError(UserError):
    pass


def user_error(code: UserErrorCode, message: str, field: list[str] | None = None) -> UserError:
    """One error as data."""
    return InputError(message=message, field=field, code=code)


def user_errors(error: InvalidInput | KeyReused) -> list[UserError]:
    """What the client did wrong, as data."""
    if isinstance(error, KeyReused):
        return [user_error(UserErrorCode.IDEMPOTENCY_KEY_REUSED, str(error), ["idempotencyKey"])]
    return [user_error(UserErrorCode.INVALID_INPUT, message, path or None) for path, message in error.problems]


_CODES: Mapping[type[Exception], str] = {
    Unauthenticated: "UNAUTHENTICATED",
    Forbidden: "FORBIDDEN",
    InvalidPage: "BAD_USER_INPUT",
    UnknownQueue: "BAD_USER_INPUT",
    SlowReader: "LIMIT_EXCEEDED",
}
"""Exceptions whose text is for the client → the code it gets."""

_UNAVAILABLE = (DatabaseUnavailable, BrokerUnavailable, NoReply, Stopped)

_LIMITS = (
    "exceeds maximum operation depth",
    "Document is nested too deeply",
    "aliases found. Allowed",
    "Document contains more than",
)
"""What the libraries say when a document is too deep, has too many aliases or too many tokens; they give no code."""


def present(error: GraphQLError) -> GraphQLError:
    """``error`` as clients may see it: with ``extensions.code``, and without what went wrong inside.

    One that was presented before stays as it is.
    """
    original = error.original_error
    if original is None:
        if "code" in (error.extensions or {}):
            return error
        limit = any(text in error.message for text in _LIMITS)
        return _with_code(error, error.message, "LIMIT_EXCEEDED" if limit else "BAD_USER_INPUT")
    for kind, code in _CODES.items():
        if isinstance(original, kind):
            return _with_code(error, str(original), code)
    if isinstance(original, GraphQLError):
        return _with_code(error, original.message, "BAD_USER_INPUT")
    correlation_id = str(uuid.uuid4())
    if isinstance(original, _UNAVAILABLE):
        _log.warning("graphql.unavailable", correlation_id=correlation_id, error=str(original))
        return _with_code(error, "a part of the system is not available now; try again", "UNAVAILABLE", correlation_id)
    _log.error("graphql.fault", correlation_id=correlation_id, error_class=type(original).__name__, exc_info=original)
    return _with_code(error, f"something went wrong here; tell us {correlation_id}", "INTERNAL", correlation_id)


def _with_code(error: GraphQLError, message: str, code: str, correlation_id: str | None = None) -> GraphQLError:
    extensions: dict[str, Any] = {"code": code}
    if correlation_id is not None:
        extensions["correlationId"] = correlation_id
    return GraphQLError(
        message, nodes=error.nodes, source=error.source, positions=error.positions, path=error.path,
        extensions=extensions,
    )  # fmt: skip
