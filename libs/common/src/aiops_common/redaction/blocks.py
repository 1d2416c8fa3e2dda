"""Secrets whose name stands in a line before: YAML, manifests of Kubernetes, forms, and what people write below it."""

import re
from collections.abc import Iterator

from aiops_common.redaction.assignments import KEY_OF, value_at
from aiops_common.redaction.redacted import PLACEHOLDER, Kind
from aiops_common.redaction.spans import Span

_NAME_BEFORE = re.compile(
    rf"(?:pass(?:wor[dt]|wd|phrase|code)?|pwd|kennwort|secret|token|credentials?|authorization|{KEY_OF}key)[\"']?\Z"
)
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
_SECRET_DATA = re.compile(
    r"^(?:data|stringData):[ \t]{0,4}\r?\n(?P<lines>(?:[ \t]{1,40}[^\n]*(?:\n|\Z))+)", re.MULTILINE
)
_ENTRY = re.compile(r"[ \t]{1,40}[\w.-]{1,253}:[ \t]{1,4}(?P<value>[^\s|>&][^\r\n]*)")
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
    if "kind: Secret" in text:
        yield from _of_manifests(text)


def _of_variables(text: str) -> Iterator[Span]:
    """``- name: DB_PASSWORD``, and ``value: …`` in the next line."""
    for match in _VALUE_LINE.finditer(text):
        if _names_a_secret(text, match.start()):
            yield from value_at(text, match.end())


def _below(text: str) -> Iterator[Span]:
    """``password:`` or ``password: |`` at the end of a line, and what is indented below."""
    for match in _LINE_ENDS.finditer(text):
        if not _names_a_secret(text, match.start()):
            continue
        if not match["scalar"]:
            yield from _secrets(text, _ALONE.match(text, match.end()))
        elif scalar := _SCALAR.match(text, match.end()):
            for line in _LINE.finditer(text, *scalar.span()):
                yield from _secrets(text, line)


def _of_forms(text: str) -> Iterator[Span]:
    for match in _FORM_FIELD.finditer(text):
        if _NAME_BEFORE.search(match["name"].lower()):
            yield from _secrets(text, _ALONE.match(text, match.end()))


def _of_manifests(text: str) -> Iterator[Span]:
    """All values of the Secrets among the documents of a manifest, whatever they are called."""
    position = 0
    for document in text.split("\n---"):
        if "kind: Secret" in document:
            for data in _SECRET_DATA.finditer(document):
                for entry in _ENTRY.finditer(document, *data.span("lines")):
                    start, end = entry.span("value")
                    yield from _secrets(text, _LINE.match(text, position + start, position + end))
        position += len(document) + len("\n---")


def _names_a_secret(text: str, end: int) -> bool:
    before = text[max(0, end - _NAME_LENGTH) : end].rstrip(" \t\r,\"'")
    return _NAME_BEFORE.search(before.lower()) is not None


def _secrets(text: str, found: re.Match[str] | None) -> Iterator[Span]:
    if found:
        start, end = found.span("value") if "value" in found.groupdict() else found.span()
        if not PLACEHOLDER.fullmatch(text, start, end):
            yield Span(start, end, Kind.SECRET)
