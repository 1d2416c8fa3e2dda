"""Redaction of what messages hold, field by field."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from aiops_common.redaction.scan import redact, redact_name

M = TypeVar("M", bound=BaseModel)
Rule = tuple[Callable[[str], str], int]

_LONGEST_PLACEHOLDER = 18


def redact_fields(model: M, *, texts: Mapping[str, int], names: Mapping[str, int] | None = None) -> M:
    """``model`` with its texts redacted, each by itself, and its names as ``redact_name`` does it.

    ``texts`` and ``names`` map fields, at any depth, to the most characters they may have. A placeholder can be longer
    than what it stands for: what grows beyond its limit is cut to it.
    """
    rules: dict[str, Rule] = {field: (_redacted, limit) for field, limit in texts.items()}
    rules |= {field: (redact_name, limit) for field, limit in (names or {}).items()}
    return _model(model, rules)


def _model(model: M, rules: Mapping[str, Rule]) -> M:
    return model.model_copy(update={field: _value(value, rules, rules.get(field)) for field, value in model})


def _value(value: Any, rules: Mapping[str, Rule], rule: Rule | None) -> Any:
    if isinstance(value, BaseModel):
        return _model(value, rules)
    if isinstance(value, tuple):
        return tuple(_value(item, rules, rule) for item in value)
    if rule is not None and isinstance(value, str):
        redaction, limit = rule
        return _cut(redaction(value), limit)
    return value


def _redacted(text: str) -> str:
    return redact(text).text


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    # Not within a placeholder: half of one would be text like any other.
    opened = text.rfind("<", max(0, limit - _LONGEST_PLACEHOLDER), limit)
    return text[:opened] if opened > 0 and ">" not in text[opened:limit] else text[:limit]
