"""Inputs of the API, and how they become the contracts' messages."""

import re
from datetime import datetime
from typing import Any, TypeVar

import strawberry
from pydantic import BaseModel, TypeAdapter, ValidationError

from aiops_contracts.base import Text, Timestamp
from aiops_gateway.domain.paging import InvalidPage
from aiops_gateway.graphql.enums import (
    ChangeSection,
    JobState,
    Priority,
    Role,
    Severity,
    TicketCategory,
    TicketStatus,
)

M = TypeVar("M", bound=BaseModel)
F = TypeVar("F", "LogEntryFilter", "TicketFilter", "ChangelogFilter")

_MAX_KEY_LENGTH = 200


@strawberry.input
class SignupInput:
    email: str
    password: str
    display_name: str
    idempotency_key: str | None = None


@strawberry.input
class LoginInput:
    email: str
    password: str


@strawberry.input
class RefreshTokensInput:
    refresh_token: str


@strawberry.input
class LogoutInput:
    refresh_token: str


@strawberry.input
class SetUserRoleInput:
    user_id: strawberry.ID
    role: Role
    expected_version: int
    idempotency_key: str | None = None


@strawberry.input
class RemoveUserInput:
    user_id: strawberry.ID
    expected_version: int
    idempotency_key: str | None = None


@strawberry.input
class SummarizeLogInput:
    source: str
    content: str
    idempotency_key: str | None = None


@strawberry.input
class TriageTicketInput:
    title: str
    body: str
    reporter_email: str | None = None
    source: str | None = None
    idempotency_key: str | None = None


@strawberry.input
class CommitInput:
    message: str
    hash: str | None = None
    author: str | None = None
    committed_at: datetime | None = None
    paths: list[str] | None = None


@strawberry.input
class EntryInput:
    section: ChangeSection
    text: str
    scope: str | None = None
    references: list[str] | None = None
    authors: list[str] | None = None
    breaking: bool | None = None


@strawberry.input(description="Exactly one of commits and entries.")
class GenerateChangelogInput:
    project: str
    release: str | None = None
    previous_release: str | None = None
    commits: list[CommitInput] | None = None
    entries: list[EntryInput] | None = None
    idempotency_key: str | None = None


@strawberry.input
class UpdateTicketStatusInput:
    ticket_id: strawberry.ID
    status: TicketStatus
    expected_version: int
    idempotency_key: str | None = None


@strawberry.input
class LogEntryFilter:
    source: str | None = None
    state: JobState | None = None
    severity: Severity | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    text: str | None = None


@strawberry.input
class TicketFilter:
    status: TicketStatus | None = None
    state: JobState | None = None
    category: TicketCategory | None = None
    severity: Severity | None = None
    priority: Priority | None = None
    needs_review: bool | None = None
    text: str | None = None


@strawberry.input
class ChangelogFilter:
    project: str | None = None
    state: JobState | None = None


class InvalidInput(Exception):
    """An input breaks a rule; ``problems`` are (path into the input, what is wrong)."""

    def __init__(self, problems: list[tuple[list[str], str]]) -> None:
        super().__init__("; ".join(message for _, message in problems))
        self.problems = problems


def to_message(kind: type[M], values: dict[str, Any]) -> M:
    """``values`` as a message of ``kind``; None counts as "not given".

    Raises:
        InvalidInput: with one problem for each field that breaks its rule.
    """
    try:
        return kind.model_validate(_without_none(values))
    except ValidationError as error:
        raise InvalidInput(
            [
                ([camel(str(part)) for part in problem["loc"]], _in_words(problem["msg"]))
                for problem in error.errors(include_url=False, include_input=False, include_context=False)
            ]
        ) from None


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_none(item) for item in value]
    return value


_TEXT: TypeAdapter[str] = TypeAdapter(Text)
_TIMESTAMP: TypeAdapter[datetime] = TypeAdapter(Timestamp)


def unusable(value: str | datetime) -> str | None:
    """Why PostgreSQL could not even compare with ``value``; None for one that it can."""
    try:
        if isinstance(value, str):
            _TEXT.validate_python(value)
        else:
            _TIMESTAMP.validate_python(value)
    except ValidationError as error:
        return _in_words(error.errors(include_url=False, include_input=False, include_context=False)[0]["msg"])
    return None


def checked_key(key: object) -> str | None:
    """The idempotency key, None where none was given.

    Raises:
        InvalidInput: it is empty, too long, or cannot be stored.
    """
    if key is None:
        return None
    if not isinstance(key, str) or not 1 <= len(key) <= _MAX_KEY_LENGTH:
        raise InvalidInput([(["idempotencyKey"], f"should have 1 to {_MAX_KEY_LENGTH} characters")])
    if problem := unusable(key):
        raise InvalidInput([(["idempotencyKey"], problem)])
    return key


def checked(conditions: F) -> F:
    """The filter, if it can be asked for.

    Raises:
        InvalidPage: a text or a point in time in it cannot be.
    """
    for name, value in vars(conditions).items():
        if isinstance(value, str | datetime) and (problem := unusable(value)):
            raise InvalidPage(f"filter.{camel(name)} {problem}")
    return conditions


def camel(name: str) -> str:
    """A field's name as clients know it."""
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)


def _in_words(message: str) -> str:
    return re.sub("(String|Tuple|Input) should", "should", message.removeprefix("Value error, "))
