"""How much comes in and goes out in one operation: values of its variables, and characters of its answer."""

from collections.abc import Mapping
from typing import Any


def count_values(variables: Mapping[str, Any] | None, most: int) -> int:
    """Values in ``variables``, those in lists and objects and these themselves counted; stops soon after ``most``.

    Does not recurse: what comes here was checked by nobody.
    """
    count = 0
    waiting: list[Any] = [variables] if variables else []
    while waiting and count <= most:
        one = waiting.pop()
        count += len(one)
        if count <= most:
            values = one.values() if isinstance(one, dict) else one
            waiting += [value for value in values if isinstance(value, dict | list)]
    return count


def count_characters(data: Any, most: int) -> int:
    """Characters of all texts and names in ``data``, as JSON has it; stops soon after ``most``."""
    count = 0
    waiting = [data]
    while waiting and count <= most:
        one = waiting.pop()
        if isinstance(one, str):
            count += len(one)
        elif isinstance(one, dict):
            count += sum(map(len, one))
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return count
