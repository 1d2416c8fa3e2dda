"""Commits as programs hand them over: raw messages, or JSON lines. Decoding only, no IO."""

import json
from datetime import UTC, datetime

import orjson

from aiops_changelog.domain import Commit

_FIELDS = ("message", "hash", "author", "committed_at", "paths")


class InvalidCommit(ValueError):
    """A line of input is no commit; the message names the line, what is wrong with it, and what is expected."""


def _time(text: str) -> datetime | None:
    # A commit object may hold any number as its date; git then prints one that ISO 8601 cannot hold.
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def from_text(data: bytes) -> list[Commit]:
    """Commits from raw messages separated by NUL, from JSON lines, or from one raw message.

    Raises InvalidCommit for a JSON line that is no commit. Empty messages between separators are commits as well,
    apart from what follows the last separator.
    """
    if b"\0" in data and not data.lstrip().startswith(b'{"'):
        messages = data.decode(errors="replace").split("\0")
        return [Commit(message) for message in (messages if messages[-1].strip() else messages[:-1])]
    text = data.decode(errors="replace")
    if text.lstrip().startswith("{"):
        lines = enumerate(text.split("\n"), start=1)
        return [_from_line(number, line) for number, line in lines if line.strip()]
    return [Commit(text)] if text.strip() else []


def _values(line: str) -> object:
    try:
        return orjson.loads(line)
    except ValueError:  # slower, and takes what orjson does not: half a surrogate pair, numbers of any length
        return json.loads(line, object_hook=_without_surrogates)


def _without_surrogates(values: dict[str, object]) -> dict[str, object]:
    # JSON may hold half a surrogate pair as an escape, which no encoding of the output could hold.
    return {name: _encodable(value) for name, value in values.items()}


def _encodable(value: object) -> object:
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def _from_line(number: int, line: str) -> Commit:
    try:
        values = _values(line)
    except (ValueError, RecursionError) as error:
        raise InvalidCommit(f"line {number} is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise InvalidCommit(f"line {number} is not a JSON object; give {{{', '.join(_FIELDS)}}}")
    message = values.get("message")
    if not isinstance(message, str) or not message:
        raise InvalidCommit(f'line {number} has no "message"; it must be a text that is not empty')
    for name in ("hash", "author", "committed_at"):
        if not isinstance(values.get(name), str | None):
            raise InvalidCommit(f'line {number}: "{name}" must be a text, not {values[name]!r}')
    paths = values.get("paths") or []
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise InvalidCommit(f'line {number}: "paths" must be a list of texts')
    committed_at = _time(values["committed_at"]) if values.get("committed_at") else None
    if values.get("committed_at") and committed_at is None:
        raise InvalidCommit(f'line {number}: "committed_at" is no ISO 8601 time: {values["committed_at"]!r}')
    return Commit(message, values.get("hash"), values.get("author"), committed_at, tuple(paths))
