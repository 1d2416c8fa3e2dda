"""Environment variables, from the settings classes: name, default, limits, and the docstring below the field."""

import ast
import inspect
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from docs.reference.markdown import one_line, table
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable; ``default`` is None where it must be set."""

    field: str
    name: str
    default: str | None
    limits: str
    meaning: str


def variables(kind: type[BaseSettings]) -> list[Variable]:
    """What ``kind`` reads from the environment: its own first, then what it inherits."""
    meanings = _meanings(kind)
    own = [name for name in inspect.get_annotations(kind) if name in kind.model_fields]
    names = [*own, *(name for name in kind.model_fields if name not in own)]
    prefix = str(kind.model_config.get("env_prefix", ""))
    return [
        Variable(name, f"{prefix}{name}".upper(), _default(field), _limits(field), meanings.get(name, ""))
        for name in names
        for field in (kind.model_fields[name],)
    ]


def as_table(shown: Iterable[Variable]) -> str:
    """A table of variables."""
    rows = [
        (f"`{one.name}`", "**required**" if one.default is None else one.default, one.limits, one.meaning)
        for one in shown
    ]
    return table(("variable", "default", "limits", "meaning"), rows)


def _default(field: FieldInfo) -> str | None:
    if field.is_required():
        return None
    value: Any = field.default
    if value is None or value == "" or (hasattr(value, "get_secret_value") and not value.get_secret_value()):
        return "not set"
    if isinstance(value, tuple):
        return "`[]`" if not value else f"`{list(value)}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _limits(field: FieldInfo) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found = []
    for rule in field.metadata:
        found += [f"{sign} {getattr(rule, name):,}" for name, sign in signs.items() if hasattr(rule, name)]
        if pattern := getattr(rule, "pattern", None):
            found.append(f"`{pattern}`")
    return ", ".join(found)


def _meanings(kind: type[BaseSettings]) -> dict[str, str]:
    meanings: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, BaseSettings) and base is not BaseSettings:
            meanings.update(_attribute_docstrings(base))
    return meanings


def _attribute_docstrings(kind: type[BaseSettings]) -> Iterator[tuple[str, str]]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    for field, below in pairwise(body):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            yield field.target.id, one_line(below.value.value)
