"""Inputs of the API, and how they become the contracts' messages."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, TypeVar, cast

import strawberry
from pydantic import BaseModel, TypeAdapter, ValidationError
from strawberry.types import has_object_definition

from aiops_contracts.base import Text, Timestamp
from aiops_gateway.domain.paging import InvalidPage
from aiops_gateway.graphql.enums import (
    ChangelogStatus,
    ChangeSection,
    JobState,
    Priority,
    Role,
    Severity,
    TicketCategory,
    TicketStatus,
)

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
F = TypeVar("F")

_MAX_KEY_LENGTH = 200

MOST_PROBLEMS: Final = 20
"""Mistakes in one input that are told; each further one costs time, and a client can send 100,000."""

_ASIDE: Final = 500
"""Entries of an input that are made a message in a thread, so that the event loop stays free."""


def camel(name: str) -> str:
    """A field's name as clients know it."""
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)


def of_plain_fields(kind: type[T]) -> type[T]:
    """Have the input ``kind``, whose fields are scalars, enumerations and lists of scalars, made of what came as it is.

    The library looks at the annotation of each field for each value anew: 50 µs for an input, of which a request may
    have 10,000.
    """
    names = {camel(field.name): field.name for field in fields(cast("Any", kind))}

    def made(kind: type, value: Mapping[str, Any], _context: object) -> Any:
        return kind(**{names[name]: item for name, item in value.items()})

    cast("Any", kind).__strawberry_definition__.from_input = made
    return kind


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


@of_plain_fields
@strawberry.input
class CommitInput:
    message: str
    hash: str | None = None
    author: str | None = None
    committed_at: datetime | None = None
    paths: list[str] | None = None


@of_plain_fields
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
    status: ChangelogStatus | None = strawberry.field(
        default=None, description="DRAFT is also what is not generated yet, or could not be: see state."
    )


class InvalidInput(Exception):
    """An input breaks a rule; ``problems`` are (path into the input, what is wrong)."""

    def __init__(self, problems: list[tuple[list[str], str]]) -> None:
        super().__init__("; ".join(message for _, message in problems))
        self.problems = problems


def to_message(kind: type[M], values: dict[str, Any]) -> M:
    """``values``, with inputs in them, as a message of ``kind``; None counts as "not given".

    Raises:
        InvalidInput: with one problem for each field that breaks its rule.
    """
    return _validated(kind, _plain(values))


async def large_to_message(kind: type[M], values: dict[str, Any]) -> M:
    """As ``to_message``, for what may have thousands of entries.

    Raises:
        InvalidInput: of long lists with the problems of the first entries that have any.
    """
    lists = [name for name, value in values.items() if isinstance(value, list) and len(value) > _ASIDE]
    if not lists:
        return to_message(kind, values)
    return await asyncio.to_thread(_in_parts, kind, values, lists)


def _in_parts(kind: type[M], values: dict[str, Any], lists: list[str]) -> M:
    # In a thread too, what is done in one call is done without anybody else.
    plain = _plain(values)
    for name in lists:
        for start in range(0, len(plain[name]), _ASIDE):
            _validated(kind, plain | {name: plain[name][start : start + _ASIDE]}, {name: start})
    return _validated(kind, plain)


def _validated(kind: type[M], values: dict[str, Any], starts: Mapping[str, int] = MappingProxyType({})) -> M:
    """A message; ``starts`` says which lists are a part of a longer one, and from where on."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
    raise InvalidInput([(_path(problem["loc"], starts), _in_words(problem["msg"])) for problem in problems])


def _path(place: tuple[int | str, ...], starts: Mapping[str, int]) -> list[str]:
    start = starts.get(str(place[0]), 0) if place else 0
    return [
        str(part + (start if index == 1 else 0)) if isinstance(part, int) else camel(part)
        for index, part in enumerate(place)
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    items = value if isinstance(value, dict) else vars(value) if has_object_definition(value) else None
    if items is None:
        return value
    return {key: _plain(item) for key, item in items.items() if item is not None}


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


def _in_words(message: str) -> str:
    return re.sub("(String|Tuple|Input) should", "should", message.removeprefix("Value error, "))
