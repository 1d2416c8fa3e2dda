"""JSON Lines in: tickets, and tickets with the category that a person gave them."""

from collections.abc import Callable, Collection, Iterator
from typing import BinaryIO, TypeVar

from pydantic import BaseModel, ValidationError

from aiops_triage.engine.model import Example

TICKET = '{"title": "…", "body": "…"}'
EXAMPLE = '{"title": "…", "body": "…", "category": "…"}'


class TicketLine(BaseModel):
    """One line of input: {"title": "…", "body": "…"}; other members are ignored."""

    title: str
    body: str = ""


class ExampleLine(TicketLine):
    """One line to learn from."""

    category: str


class InvalidLine(ValueError):
    """A line of input is no ticket; the message names the line and what is wrong with it."""


L = TypeVar("L", bound=TicketLine)


def read_tickets(lines: BinaryIO) -> Iterator[tuple[int, TicketLine]]:
    """The tickets in ``lines`` with their line numbers, from 1; empty lines are skipped. Raises InvalidLine."""
    return _read(lines, TicketLine.model_validate_json, TICKET)


def read_examples(lines: BinaryIO, labels: Collection[str]) -> Iterator[Example]:
    """The examples in ``lines``; raises InvalidLine, also for a category that is none of ``labels``."""
    for number, line in _read(lines, ExampleLine.model_validate_json, EXAMPLE):
        if line.category not in labels:
            raise InvalidLine(
                f"line {number}: category: {line.category[:50]!r} is none of {', '.join(labels)}; "
                "correct it, or name another closed set with --labels"
            )
        yield Example.cut(line.title, line.body, line.category)


def _read(lines: BinaryIO, parse: Callable[[bytes], L], expected: str) -> Iterator[tuple[int, L]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield number, parse(line)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            what = f"{place}: {first['msg']}" if place else first["msg"]
            raise InvalidLine(f"line {number}: {what}; expected {expected}") from None
