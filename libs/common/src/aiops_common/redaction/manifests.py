"""Values of Kubernetes' Secrets, whatever they are called: manifests in YAML and in JSON, one or a list of them."""

import re
from bisect import bisect
from collections.abc import Iterable, Iterator

from aiops_common.redaction.redacted import PLACEHOLDER, Kind
from aiops_common.redaction.spans import Span

_SECRET = re.compile(r"Secret(?!\w)")
_KIND = re.compile(r"kind(?P<mark>\\{0,7}\")?[ \t]{0,4}:[ \t]{0,4}(?:\\{0,7}[\"'])?\Z")
_KIND_LENGTH = 40
_KIND_LINE = re.compile(r"[ \t-]{0,44}\"?kind\"?[ \t]{0,4}:[ \t]{0,4}[\"']?Secret[\"']?[ \t]{0,4},?[ \t]{0,4}\r?\Z")

# Documents, and the items of a list, of which each is an object of its own.
_NEXT = re.compile(r"(?:---|[ \t]{0,40}-[ \t]{1,4}[\"']?(?:apiVersion|kind|metadata|data|stringData|type)[\"']?:)")
_INDENT = re.compile(r"[ \t]*(?:-[ \t]+)?")
_DATA = re.compile(r"[\"']?(?:data|stringData)[\"']?:[ \t]*(?:#.*)?\r?\Z")
_ENTRY = re.compile(r"[\"']?[\w.-]{1,253}[\"']?:[ \t]{1,4}(?P<value>[^\s|>].*)")

_JSON_DATA = re.compile(r"(?P<mark>\\{0,7}\")(?:data|stringData)(?P=mark)\s{0,4}:\s{0,4}\{")
_JSON_ENTRY = re.compile(
    r"\s{0,200},?\s{0,200}(?P<mark>\\{0,7}\")[\w.-]{1,253}(?P=mark)\s{0,4}:\s{0,4}"
    r"(?P=mark)(?P<value>(?:(?!(?P=mark))(?:\\.|[^\r\n\\]))++)(?P=mark)"
)

_Line = tuple[int, str]


def of_manifests(text: str) -> Iterator[Span]:
    """All strings below ``data`` and ``stringData`` of the Secrets in ``text``, in YAML's block style and in JSON."""
    if "Secret" not in text or "kind" not in text:
        return
    kinds = [
        (found.start(), kind["mark"] is not None)
        for found in _SECRET.finditer(text)
        if (kind := _KIND.search(text, max(0, found.start() - _KIND_LENGTH), found.start()))
    ]
    if not kinds:
        return
    lines = list(_lines(text))
    if not all(is_json for _, is_json in kinds):
        yield from (span for document in _documents(lines) for span in _of_document(document))
    if any(is_json for _, is_json in kinds):
        yield from _of_json(text, lines, [start for start, _ in kinds])


def _lines(text: str) -> Iterator[_Line]:
    position = 0
    for line in text.split("\n"):
        yield position, line
        position += len(line) + 1


def _documents(lines: Iterable[_Line]) -> Iterator[list[_Line]]:
    document: list[_Line] = []
    for position, line in lines:
        if _NEXT.match(line):
            yield document
            document = []
        document.append((position, line))
    yield document


def _of_document(lines: list[_Line]) -> Iterator[Span]:
    """Of one object in YAML: what is indented more than ``data:`` is."""
    if not any(_KIND_LINE.match(line) for _, line in lines):
        return
    outer: int | None = None
    inner = 0
    for position, line in lines:
        indent = _INDENT.match(line)
        depth = indent.end() if indent else 0
        if not line.strip():
            continue
        if outer is None or depth <= outer:
            outer, inner = (depth if _DATA.match(line, depth) else None), 0
            continue
        inner = inner or depth
        # A line below an entry is part of its value: YAML 1.2, 8.1.
        entry = _ENTRY.match(line, depth)
        start = depth if depth > inner else entry.start("value") if entry else len(line)
        yield from _secret(position + start, line[start:])


def _of_json(text: str, lines: list[_Line], kinds: list[int]) -> Iterator[Span]:
    """Of objects on one line those that say that they are Secrets; where one is on many lines, of all objects."""
    starts = [position for position, _ in lines]
    said = {bisect(starts, kind) for kind in kinds}
    is_indented = any(_KIND_LINE.match(lines[number - 1][1]) for number in said)
    for data in _JSON_DATA.finditer(text):
        if not is_indented and bisect(starts, data.start()) not in said:
            continue
        entry = _JSON_ENTRY.match(text, data.end())
        while entry and entry["mark"] == data["mark"]:
            yield from _secret(entry.start("value"), entry["value"])
            entry = _JSON_ENTRY.match(text, entry.end())


def _secret(start: int, value: str) -> Iterator[Span]:
    value = value.rstrip()
    if value and not PLACEHOLDER.fullmatch(value):
        yield Span(start, start + len(value), Kind.SECRET)
