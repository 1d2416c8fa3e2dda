"""Putting originals back into a structured answer that was given to redacted text."""

from typing import Any, TypeVar

from pydantic import BaseModel

from aiops_common.redaction.redacted import Redacted

T = TypeVar("T", bound=BaseModel)


def restore_model(answer: T, redacted: Redacted) -> T:
    """``answer`` with the placeholders of ``redacted`` restored in all of its strings, at any depth.

    Raises ``pydantic.ValidationError`` where a restored string breaks a rule of the model, e.g. its length.
    """
    return type(answer).model_validate(_restored(answer.model_dump(by_alias=True), redacted))


def _restored(value: Any, redacted: Redacted) -> Any:
    if isinstance(value, str):
        return redacted.restore(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_restored(item, redacted) for item in value]
    if isinstance(value, dict):
        return {_restored(key, redacted): _restored(item, redacted) for key, item in value.items()}
    return value
