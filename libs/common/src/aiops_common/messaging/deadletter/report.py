"""Dead letters as text: a table for people, JSON lines for programs, one letter in full."""

from collections.abc import Sequence
from dataclasses import asdict

import orjson

from aiops_common.messaging.deadletter.letter import DeadLetter

_COLUMNS = ("ID", "QUEUE", "DEAD AT (UTC)", "TRIES", "REASON", "TYPE", "PRINCIPAL", "ERROR")
_WIDEST = 48


def table(letters: Sequence[DeadLetter]) -> list[str]:
    """A header and a line for each letter, in columns as wide as what they hold, up to a bound."""
    rows = [_COLUMNS, *map(_row, letters)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def json_line(letter: DeadLetter) -> str:
    """The letter as one line of JSON, with the names of its fields."""
    return orjson.dumps(asdict(letter), option=orjson.OPT_UTC_Z).decode()


def in_full(letter: DeadLetter) -> list[str]:
    """Every field on a line of its own, then the redacted body."""
    fields = asdict(letter)
    body = fields.pop("body")
    fields["dead_at"] = _time(letter)
    width = max(map(len, fields))
    shown = [f"{name.replace('_', ' ').ljust(width)}  {_plain(value)}" for name, value in fields.items()]
    return [*shown, "", *(_plain(line) for line in body.split("\n"))]


def _row(letter: DeadLetter) -> tuple[str, ...]:
    return (
        str(letter.id),
        letter.queue,
        _time(letter),
        str(letter.attempts),
        *map(_short, (letter.reason, letter.message_type, letter.principal, letter.error)),
    )


def _time(letter: DeadLetter) -> str:
    return f"{letter.dead_at:%Y-%m-%d %H:%M:%S}" if letter.dead_at.timestamp() else "unknown"


def _short(value: str | None) -> str:
    text = _plain(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _plain(value: object) -> str:
    """Fit for a terminal: what a stranger wrote must not move the cursor or start a new line."""
    if value is None:
        return "-"
    return "".join(char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in str(value))
