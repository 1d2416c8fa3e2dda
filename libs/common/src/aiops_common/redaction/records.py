"""Redaction of log lines and spans: many short texts, most of which hold nothing."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from aiops_common.redaction.scan import redact

SHOWN_CHARS = 8 * 1024
"""Longer texts are cut: what nobody reads need not be searched."""

_MOST_ITEMS = 200
_DEEPEST = 8
# Identifiers, routing keys, paths, ids: nothing that a recogniser could find.
_PLAIN = re.compile(r"[a-z_./-]{0,48}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}")
_SECRET_NAME = re.compile(
    r"(?:passw(?:or[dt]|d)(?:[_.-]?hash)?|passphrase|secret|token|credentials?|authorization|cookie"
    r"|(?:api|private|secret|master|answer|signing|content)[_.-]?keys?)\Z",
    re.IGNORECASE,
)
# The same short texts come again and again: names of spans, addresses of our own. Only such as hold nothing are kept.
_clean: set[str] = set()
_SHORT = 200
_MOST_REMEMBERED = 2000
_SAFE = (bool, int, float, UUID, date, datetime)


def redact_value(name: str, value: Any) -> Any:
    """``value`` as it may be written under ``name``: redacted at any depth, and a secret where ``name`` says so.

    What is neither text, number, time nor container becomes its redacted ``str``.
    """
    return _named(name, value, 0)


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


def _redacted(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, _SAFE):
        return value
    if isinstance(value, str):
        return redact_line(value)
    if depth >= _DEEPEST:
        return redact_line(str(value))
    if isinstance(value, Mapping):
        items = list(value.items())[:_MOST_ITEMS]
        return {redact_line(str(name)): _named(str(name), item, depth + 1) for name, item in items}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(item, depth + 1) for item in list(value)[:_MOST_ITEMS]]
    return redact_line(str(value))


def _named(name: str, value: Any, depth: int) -> Any:
    if value and not isinstance(value, bool) and _SECRET_NAME.search(name):
        return "<SECRET_1>"
    return _redacted(value, depth)
