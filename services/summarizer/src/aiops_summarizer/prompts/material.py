"""What a model is shown of a digest: findings and patterns as records that can be cited, ranked, within a budget."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiops_summarizer.domain import Digest, Finding, LogPattern
from aiops_summarizer.prompts.answers import Statement

_LONGEST_TEXT: Final = 300
_EXAMPLES: Final = 10


@dataclass(frozen=True, slots=True)
class Record:
    """A finding or a pattern. ``shown`` is its line in the prompt, ``evidence`` what may be said when citing it, and
    ``line`` where in the log to look, 0 where that says nothing."""

    id: str
    shown: str
    evidence: str
    line: int

    @property
    def size(self) -> int:
        """Bytes that it takes in a prompt."""
        return len(self.shown.encode()) + 1


def records(digest: Digest) -> list[Record]:
    """All findings, then all patterns, each in the order of their importance."""
    return [*map(_of_finding, digest.findings), *(_of_pattern(n, p) for n, p in enumerate(digest.patterns, start=1))]


def examples(digest: Digest) -> list[str]:
    """Lines of the most important patterns: the first to go where there is no room."""
    return [_line({"example": pattern.example[:_LONGEST_TEXT]}) for pattern in digest.patterns[:_EXAMPLES]]


def said(statement: Statement) -> str:
    """A statement about a part of the log, as it is shown to whoever puts the parts together."""
    return _line({"statement": statement.text, "findings": statement.findings})


def fitting(lines: Sequence[str], most_bytes: int) -> int:
    """How many of ``lines``, taken from the front, fit into ``most_bytes`` of UTF-8."""
    spent = 0
    for count, line in enumerate(lines):
        spent += len(line.encode()) + 1
        if spent > most_bytes:
            return count
    return len(lines)


def windows(ranked: Iterable[Record], most_bytes: int) -> Iterator[list[Record]]:
    """``ranked`` in their order, in parts of at most ``most_bytes`` each; a record that is larger is left out."""
    part: list[Record] = []
    spent = 0
    for record in ranked:
        if record.size > most_bytes:
            continue
        if part and spent + record.size > most_bytes:
            yield part
            part, spent = [], 0
        part.append(record)
        spent += record.size
    if part:
        yield part


def _of_finding(finding: Finding) -> Record:
    shown = _line({"id": finding.id, "kind": finding.kind, "text": finding.text})
    return Record(finding.id, shown, finding.text, 0 if finding.kind == "span" else finding.line)


def _of_pattern(rank: int, pattern: LogPattern) -> Record:
    template = pattern.template[:_LONGEST_TEXT]
    told = {"id": f"P{rank}", "template": template, "level": pattern.level.value, "count": pattern.count}
    evidence = f"{template} {pattern.level.value} {pattern.count} line {pattern.first_line}"
    return Record(f"P{rank}", _line(told), evidence, pattern.first_line)


def _line(values: Mapping[str, object]) -> str:
    return " ".join(json.dumps(values, ensure_ascii=False).split())
