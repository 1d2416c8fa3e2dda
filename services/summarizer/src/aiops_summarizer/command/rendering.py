"""A digest as text, Markdown or JSON."""

import dataclasses
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from aiops_summarizer.command.writing import code, escaped, printable, wrapped
from aiops_summarizer.domain import Digest, Moment
from aiops_summarizer.engine.wording import percent

_SHOWN: Final = 15
_LONGEST: Final = 160


def as_json(found: Digest) -> Iterator[str]:
    """Everything that was found, piece by piece, as it may be large; times are ISO 8601."""
    encoder = json.JSONEncoder(ensure_ascii=False, indent=2, default=_told)
    return encoder.iterencode(dataclasses.asdict(found))


def _told(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def as_text(found: Digest) -> str:
    """For a terminal: headline, text, timeline, and the most important patterns with their first lines."""
    lines = [wrapped(f"{found.severity.value}  {found.headline}"), "", wrapped(found.text), ""]
    if found.timeline:
        clocks = [_clock(moment, found) for moment in found.timeline]
        width = max(map(len, clocks))
        lines += [
            f"  {clock:<{width}}  {f'line {moment.line}' if moment.line else '':<12}  {moment.text}"
            for clock, moment in zip(clocks, found.timeline, strict=True)
        ]
        lines.append("")
    lines += [
        f"{pattern.count:>9}  {pattern.level.value:<7}  line {pattern.first_line:<8}  {pattern.template[:_LONGEST]}"
        for pattern in found.patterns[:_SHOWN]
    ]
    hidden = found.pattern_count - _SHOWN
    if hidden > 0:
        more = "pattern" if hidden == 1 else "patterns"
        lines.append(f"{'…':>9}  and {hidden} more {more}; --json shows all")
    if found.line_count:
        lines += ["", f"  {_coverage(found)}"]
    return printable("\n".join(lines))


def _coverage(found: Digest) -> str:
    share = percent(found.told_lines, found.line_count)
    return f"The text speaks of {found.told_lines} of {found.line_count} lines ({share})."


def _clock(moment: Moment, found: Digest) -> str:
    if moment.time is None:
        return ""
    is_one_day = found.first_seen and found.last_seen and found.first_seen.date() == found.last_seen.date()
    return f"{moment.time:%H:%M:%S}" if is_one_day else f"{moment.time:%Y-%m-%d %H:%M:%S}"


def as_markdown(found: Digest) -> str:
    """For a ticket or a chat: the same with headings and a table."""
    return "\n".join(_markdown(found))


def _markdown(found: Digest) -> Iterator[str]:
    yield f"## {found.severity.value}: {escaped(found.headline)}"
    for paragraph in found.text.split("\n"):
        yield f"\n{escaped(paragraph)}"
    if found.timeline:
        yield "\n### Timeline\n"
    for moment in found.timeline:
        clock = _clock(moment, found)
        line = f"line {moment.line}" if moment.line else ""
        yield f"- {', '.join(part for part in (clock, line) if part)}: {escaped(moment.text)}"
    if found.patterns:
        yield "\n### Patterns\n\n| Count | Level | First line | Pattern |\n| ---: | --- | ---: | --- |"
    for pattern in found.patterns[:_SHOWN]:
        template = code(pattern.template[:_LONGEST])
        yield f"| {pattern.count} | {pattern.level.value} | {pattern.first_line} | {template} |"
    hidden = found.pattern_count - _SHOWN
    if hidden > 0:
        yield f"\n{hidden} more {'pattern is' if hidden == 1 else 'patterns are'} not shown."
    if found.line_count:
        yield f"\n{_coverage(found)}"
