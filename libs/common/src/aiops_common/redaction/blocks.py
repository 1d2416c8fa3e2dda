"""Secrets whose name stands in a line before: YAML, forms, and what people write below it."""

import re
from collections.abc import Iterator

from aiops_common.redaction.names import PASSWORD, WEAK, name_at_end
from aiops_common.redaction.redacted import Kind
from aiops_common.redaction.spans import Span
from aiops_common.redaction.values import names_something_else, stands_for_none, value_at

_NAME_LENGTH = 100
_VALUE_LINE = re.compile(r"\n[ \t]{0,60}[\"']?value[\"']?[ \t]{0,4}[:=][ \t]{0,4}(?=\S)")

_LINE_ENDS = re.compile(r":(?:[ \t]{1,4}(?:!\S{1,40}[ \t])?(?P<scalar>[|>])[+0-9-]{0,2})?[ \t]{0,4}\r?\n")
# One word with a digit or a sign, alone in its line: neither the next name nor the beginning of something nested.
_ALONE = re.compile(
    r"[ \t]{0,60}[\"']?(?P<value>(?=[^\s\"']{0,99}[0-9!@#$%^*?])[^\s\"':{}\[\]<>]{4,256})[\"']?[ \t]{0,4},?\r?$",
    re.MULTILINE,
)
# YAML 1.2, 8.1: a block scalar goes on as far as the indentation of its first line does.
_SCALAR = re.compile(r"(?P<indent>[ \t]{1,40})\S[^\n]{0,1000}(?:\n(?P=indent)[^\n]{0,1000}){0,200}")
_FORM_FIELD = re.compile(
    r"name=(?P<name>[\w.\[\]\"'-]{1,60})\r?\n(?:[\w-]{1,40}:[^\n]{0,100}\r?\n){0,3}\r?\n"
)  # RFC 7578
# What is called, and whom one writes to; passwords may have any sign in them.
_CALL = re.compile(r"[\w.]*\([^()]*\)[.;]?")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LINE = re.compile(r"\S[^\r\n]*")


def named_in_lines_before(text: str) -> Iterator[Span]:
    """Values that stand in the line, or lines, below their name."""
    if "\n" not in text:
        return
    if "value" in text:
        yield from _of_variables(text)
    if ":\n" in text or ":\r\n" in text or ": |" in text or ": >" in text or ": !" in text:
        yield from _below(text)
    if "form-data" in text:
        yield from _of_forms(text)


def _of_variables(text: str) -> Iterator[Span]:
    """``- name: DB_PASSWORD``, and ``value: …`` in the next line."""
    for match in _VALUE_LINE.finditer(text):
        if _name_before(text, match.start()):
            yield from value_at(text, match.end())


def _below(text: str) -> Iterator[Span]:
    """``password:`` or ``password: |`` at the end of a line, and what is indented below."""
    for match in _LINE_ENDS.finditer(text):
        name = _name_before(text, match.start())
        if name is None:
            continue
        if not match["scalar"]:
            yield from _alone(text, match.end(), name)
        elif scalar := _SCALAR.match(text, match.end()):
            for line in _LINE.finditer(text, *scalar.span()):
                if not stands_for_none(line[0]) and not (name in WEAK and names_something_else(name, line[0])):
                    yield Span(*line.span(), Kind.SECRET)


def _of_forms(text: str) -> Iterator[Span]:
    for match in _FORM_FIELD.finditer(text):
        if name := name_at_end(match["name"].rstrip("\"']")):
            yield from _alone(text, match.end(), name)


def _name_before(text: str, end: int) -> str | None:
    """The word for a secret that the line up to ``end`` ends in."""
    return name_at_end(text[max(0, end - _NAME_LENGTH) : end].rstrip(" \t\r,\"'`*"))


def _alone(text: str, start: int, name: str) -> Iterator[Span]:
    """What is alone in the line at ``start``, if it may be a secret of that name."""
    found = _ALONE.match(text, start)
    if found is None:
        return
    value = found["value"]
    is_other = _ADDRESS.fullmatch(value) or (_CALL.fullmatch(value) and not PASSWORD.fullmatch(name))
    if not is_other and not names_something_else(name, value) and not stands_for_none(value):
        yield Span(*found.span("value"), Kind.SECRET)
