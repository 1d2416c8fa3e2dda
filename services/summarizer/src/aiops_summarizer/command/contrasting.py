"""The differences of two logs as text, Markdown or JSON."""

import json
from collections.abc import Iterator
from typing import Final

from aiops_summarizer.command.cleaning import redacted
from aiops_summarizer.command.writing import code, escaped, printable, wrapped
from aiops_summarizer.engine import contrast
from aiops_summarizer.engine.comparison import Change, Differences, Side
from aiops_summarizer.engine.overview import Overview

_SHOWN: Final = 30
_LONGEST: Final = 160


def as_json(found: Differences) -> str:
    """All changes; times are ISO 8601, ``ratio`` is null where one log has none of the pattern."""
    headline, text, *templates = _texts(found)
    document = {
        "headline": headline,
        "text": text,
        "is_per_time": found.is_per_time,
        "old": _extent(found.old),
        "new": _extent(found.new),
        "unchanged_patterns": found.same,
        "unchanged_lines": found.same_lines,
        "changes": [
            {
                "kind": change.kind.value,
                "template": template,
                "level": change.side.level.value,
                "ratio": change.ratio,
                "old": _side(change.old),
                "new": _side(change.new),
            }
            for change, template in zip(found.changes, templates, strict=True)
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def _texts(found: Differences) -> list[str]:
    templates = [change.template for change in found.changes]
    return redacted([contrast.headline(found), contrast.text(found), *templates])


def _extent(log: Overview) -> dict[str, object]:
    first, last = (time.isoformat() for time in log.span) if log.span else (None, None)
    return {"line_count": log.line_count, "first_seen": first, "last_seen": last}


def _side(side: Side | None) -> dict[str, object] | None:
    if side is None:
        return None
    first_seen = side.first_seen.isoformat() if side.first_seen else None
    return {"count": side.count, "first_line": side.first_line, "first_seen": first_seen}


def _rows(found: Differences) -> Iterator[tuple[str, str, str, str, str]]:
    """Kind, counts, level, line and template of the most important changes."""
    _, _, *templates = _texts(found)
    for change, template in list(zip(found.changes, templates, strict=True))[:_SHOWN]:
        counts = f"{_count(change.old)} → {_count(change.new)}"
        yield change.kind.value.lower(), counts, change.side.level.value, _line(change), template[:_LONGEST]


def _count(side: Side | None) -> int:
    return side.count if side else 0


def _line(change: Change) -> str:
    return f"{change.side.first_line}" if change.new else f"{change.side.first_line} (old)"


def as_text(found: Differences) -> str:
    """For a terminal: headline, text, and the changes with their counts and lines."""
    headline, text, *_ = _texts(found)
    lines = [wrapped(headline), "", wrapped(text), ""]
    lines += [
        f"{kind:<4}  {counts:>17}  {level:<7}  line {line:<14}  {template}"
        for kind, counts, level, line, template in _rows(found)
    ]
    hidden = len(found.changes) - _SHOWN
    if hidden > 0:
        lines.append(f"…     and {hidden} more; --json shows all")
    return printable("\n".join(lines).rstrip())


def as_markdown(found: Differences) -> str:
    """For a ticket or a chat: the same with headings and a table."""
    headline, text, *_ = _texts(found)
    lines = [f"## {escaped(headline)}", *(f"\n{escaped(paragraph)}" for paragraph in text.split("\n"))]
    if found.changes:
        lines.append("\n| Change | Old → new | Level | Line | Pattern |\n| --- | ---: | --- | ---: | --- |")
    lines += [f"| {' | '.join(row[:-1])} | {code(row[-1])} |" for row in _rows(found)]
    return "\n".join(lines)
