"""Redaction of log lines and spans: many short texts, most of which hold nothing."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from itertools import islice
from typing import Any
from uuid import UUID

from aiops_common.redaction.scan import redact

SHOWN_CHARS = 8 * 1024
"""Longer texts are cut: what nobody reads need not be searched."""

_MOST_ITEMS = 200
_DEEPEST = 8
_MOST_IN_ALL = 2000
"""Most values that are looked at within one: something that holds itself often has more than can be told."""

# Identifiers, routing keys, paths, ids and principals: nothing that a recogniser could find.
_PLAIN = re.compile(
    r"[a-z_./-]{0,48}|(?:[a-z]{1,16}:)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}"
)
_SECRET_NAME = re.compile(
    r"(?:passw(?:or[dt]|d)(?:[_.-]?hash)?|passphrase|secret|token|credentials?|authorization|cookie"
    r"|(?:api|private|secret|master|answer|signing|content)[_.-]?keys?)\Z",
    re.IGNORECASE,
)
# The same short texts come again and again: names of spans, addresses of our own. Only such as hold nothing are kept.
_clean: set[str] = set()
_SHORT = 200
_MOST_REMEMBERED = 2000
_REPLACED = "<SECRET_1>"
_SAFE = (bool, int, float, UUID, date, datetime)


def redact_value(name: str, value: Any) -> Any:
    """``value`` as it may be written under ``name``: redacted at any depth, and a secret where ``name`` says so.

    What is neither text, number, time nor container becomes its redacted ``str``.
    """
    # Most are of these kinds, and need no walk.
    if value is None or isinstance(value, bool):
        return value
    if value and _names_a_secret(name):
        return _REPLACED
    if isinstance(value, str):
        return redact_line(value)
    return value if isinstance(value, _SAFE) else _Walk().redacted(value, 0)


def redact_line(text: str) -> str:
    """``text`` cut to what is shown of it, and redacted."""
    if text in _clean or _PLAIN.fullmatch(text):
        return text
    if len(text) > SHOWN_CHARS:
        text = f"{text[:SHOWN_CHARS]}… ({len(text) - SHOWN_CHARS} more characters)"
    redacted = redact(text)
    if not redacted.count and len(text) <= _SHORT:
        if len(_clean) >= _MOST_REMEMBERED:
            _clean.clear()
        _clean.add(text)
    return redacted.text


class _Walk:
    """One look through a value and all that it holds."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen = 0

    def _named(self, name: str, value: Any, depth: int) -> Any:
        if value and not isinstance(value, bool) and _names_a_secret(name):
            return _REPLACED
        return self.redacted(value, depth)

    def redacted(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, _SAFE):
            return value
        self._seen += 1
        if self._seen > _MOST_IN_ALL or depth > _DEEPEST:
            return f"<{type(value).__name__}>"
        if isinstance(value, str):
            return redact_line(value)
        if isinstance(value, Mapping):
            items = [(_told(name), item) for name, item in islice(value.items(), _MOST_ITEMS)]
            return {redact_line(name): self._named(name, item, depth + 1) for name, item in items}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.redacted(item, depth + 1) for item in islice(value, _MOST_ITEMS)]
        return redact_line(_told(value))


@lru_cache(maxsize=1000)
def _names_a_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _told(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # it has a __str__ of its own
        return f"<{type(value).__name__} that raises {type(error).__name__}>"
