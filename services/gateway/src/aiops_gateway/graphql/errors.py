"""How errors look to clients: domain errors are data, everything else has a code and never more than may be known."""

import re
import uuid
from collections.abc import Mapping
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from aiops_common.logging import get_logger
from aiops_common.messaging.deadletter import BrokerUnavailable, Stopped
from aiops_common.messaging.requests import NoReply
from aiops_common.postgres import DatabaseUnavailable
from aiops_gateway.domain.access import Forbidden, Unauthenticated
from aiops_gateway.domain.history import TooMuchHistory
from aiops_gateway.domain.paging import InvalidPage
from aiops_gateway.graphql.enums import UserErrorCode
from aiops_gateway.graphql.inputs import MOST_PROBLEMS, InvalidInput
from aiops_gateway.service.acceptance import KeyReused
from aiops_gateway.service.admission import TooManyConnections, TooManyRequests
from aiops_gateway.service.answers import StillRunning
from aiops_gateway.service.changes import ChangesMissed, SlowReader
from aiops_gateway.service.dead_letters import UnknownQueue
from aiops_gateway.service.reading import NotThere

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


def version_conflict(what: str, version: int, expected: int) -> UserError:
    """Somebody was faster; ``what`` names what was to be changed, e.g. "ticket"."""
    message = (
        f"the {what} is at version {version}, not {expected}: somebody changed it meanwhile; look at it and try again"
    )
    return user_error(UserErrorCode.VERSION_CONFLICT, message, ["expectedVersion"])


def user_errors(error: InvalidInput | KeyReused | TooManyRequests) -> list[UserError]:
    """What the client did wrong, as data."""
    if isinstance(error, TooManyRequests):
        return [user_error(UserErrorCode.RATE_LIMITED, str(error))]
    if isinstance(error, KeyReused):
        return [user_error(UserErrorCode.IDEMPOTENCY_KEY_REUSED, str(error), ["idempotencyKey"])]
    told = error.problems[:MOST_PROBLEMS]
    errors = [user_error(UserErrorCode.INVALID_INPUT, message, path or None) for path, message in told]
    if len(error.problems) > len(told):
        errors[-1] = user_error(UserErrorCode.INVALID_INPUT, "there are more mistakes; mend these first")
    return errors


class AnswerTooLarge(Exception):
    """An answer has more than it may; the message says of what, and how much that is."""


_CODES: Mapping[type[Exception], str] = {
    Unauthenticated: "UNAUTHENTICATED",
    Forbidden: "FORBIDDEN",
    InvalidPage: "BAD_USER_INPUT",
    UnknownQueue: "BAD_USER_INPUT",
    NotThere: "BAD_USER_INPUT",
    SlowReader: "LIMIT_EXCEEDED",
    TooManyRequests: "LIMIT_EXCEEDED",
    TooManyConnections: "LIMIT_EXCEEDED",
    TooMuchHistory: "LIMIT_EXCEEDED",
    AnswerTooLarge: "LIMIT_EXCEEDED",
    StillRunning: "UNAVAILABLE",
    ChangesMissed: "RESUBSCRIBE",
}
"""Exceptions whose text is for the client → the code it gets."""

FAULTS = frozenset({"INTERNAL", "UNAVAILABLE", "RESUBSCRIBE"})
"""Codes of what is no fault of the client's."""

CODES = frozenset({*_CODES.values(), *FAULTS, "BAD_USER_INPUT", "LIMIT_EXCEEDED"})
"""Every ``extensions.code`` that there is."""

_BAD_REQUESTS = (GraphQLError, CannotGetOperationTypeError, InvalidOperationTypeError, MissingQueryError)
"""Their message is for the client. The last three come by streams only: no operation, none of that name, or one of a
kind that this request may not hold."""

_NESTED = " nested too deeply"
"""What graphql-core says of documents, values and selections that are; it gives no code."""

_SUGGESTION = re.compile(r" Did you mean [^?]*\?")
"""How graphql-core tells names of the schema that are like the one that was sent."""


_VALUE = re.compile(r"(cannot represent [^:]{0,80}|, found): .*|(Value) '.*' (does not exist)", re.DOTALL)
"""How graphql-core repeats what a client sent; it may be a whole input, with the password in it."""


def without_value(message: str) -> str:
    """``message`` without the value that it is about."""
    return _VALUE.sub(lambda match: f"{match[1]}." if match[1] else f"{match[2]} {match[3]}", message)


class DeadlineExceeded(Exception):
    """An operation took longer than it may; the message says how long that is."""


_UNAVAILABLE = (DatabaseUnavailable, BrokerUnavailable, NoReply, Stopped, DeadlineExceeded)
_ELSEWHERE = "a part of the system is not available now; try again"


def without_suggestion(error: GraphQLError) -> GraphQLError:
    """``error`` without names of the schema that the client did not send."""
    error.message = _SUGGESTION.sub("", error.message)
    return error


def present(error: GraphQLError) -> GraphQLError:
    """``error`` as clients may see it: with ``extensions.code``, and without what went wrong inside.

    One that was presented before stays as it is.
    """
    original = error.original_error
    if original is None:
        if "code" in (error.extensions or {}):
            return error
        code = "LIMIT_EXCEEDED" if _NESTED in error.message else "BAD_USER_INPUT"
        return _with_code(error, without_value(error.message), code)
    for kind, code in _CODES.items():
        if isinstance(original, kind):
            return _with_code(error, str(original), code)
    if isinstance(original, _BAD_REQUESTS):
        return _with_code(error, without_value(error.message), "BAD_USER_INPUT")
    correlation_id = str(uuid.uuid4())
    if isinstance(original, _UNAVAILABLE):
        _log.warning("graphql.unavailable", correlation_id=correlation_id, error=str(original))
        told = str(original) if isinstance(original, DeadlineExceeded) else _ELSEWHERE
        return _with_code(error, told, "UNAVAILABLE", correlation_id)
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
