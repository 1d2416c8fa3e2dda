"""Says in single sentences what a log shows. Each is a finding, and holds nothing but what the store counted."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from aiops_summarizer.domain import Finding
from aiops_summarizer.engine.scoring import Scored
from aiops_summarizer.engine.timestamps import to_datetime

_MAX_FOLLOWING: Final = 4
_MAX_QUOTED: Final = 110
_NEW_AFTER: Final = 0.2
_GONE_BEFORE: Final = 0.7
_REGULAR: Final = 10

_Draft = tuple[str, str, int, tuple[str, ...]]


def find(scored: list[Scored], line_count: int, span: tuple[datetime, datetime] | None) -> tuple[Finding, ...]:
    """The findings of a log, in the order in which one would tell them; their ids are F1, F2, …"""
    if not line_count:
        return (Finding(id="F1", kind="empty", text="The log has no lines.", line=0),)
    drafts = [_span(scored, line_count, span)]
    problems = in_order([item for item in scored if item.is_problem])
    warnings = [item for item in scored if item.is_warning]
    if problems:
        drafts.extend(_problems(scored, problems, span))
    if warnings:
        drafts.append(_warnings(warnings, alone=not problems))
    elif not problems:
        drafts.append(("quiet", "No errors or warnings were logged.", 1, ()))
    drafts.extend(_spikes(scored, span))
    drafts.extend(_gone(scored, problems, span))
    drafts.extend(_noise(scored, line_count))
    return tuple(
        Finding(id=f"F{number}", kind=kind, text=text, line=line, pattern_ids=ids)
        for number, (kind, text, line, ids) in enumerate(drafts, start=1)
    )


def in_order(items: list[Scored]) -> list[Scored]:
    """By time, if all have one (logs of several writers are not in order); else by line."""
    dated = all(item.pattern.first_seen is not None for item in items)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return sorted(
        items,
        key=lambda item: ((item.pattern.first_seen if dated else None) or epoch, item.pattern.first_line),
    )


def quote(item: Scored) -> str:
    """What a template says, short enough for a sentence; a single line is quoted as it is."""
    text = item.pattern.template if item.pattern.count > 1 or not item.message.strip() else item.message
    text = " ".join(text.split())
    return f"“{text[: _MAX_QUOTED - 1] + '…' if len(text) > _MAX_QUOTED else text}”"


def moment(time: datetime, span: tuple[datetime, datetime] | None) -> str:
    """``time`` to the second, with its date unless the whole log is of one day."""
    same_day = span is not None and span[0].date() == span[1].date()
    return f"{time:%H:%M:%S}" if same_day else f"{time:%Y-%m-%d %H:%M:%S}"


def times(count: int) -> str:
    """How often, in words."""
    return "once" if count == 1 else f"{count} times"


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _span(scored: list[Scored], line_count: int, span: tuple[datetime, datetime] | None) -> _Draft:
    patterns = "1 pattern" if len(scored) == 1 else f"{len(scored)} patterns"
    text = f"{_lines(line_count)} in {patterns}"
    if span is not None:
        start, end = span
        until = f"{end:%H:%M:%S}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M:%S}"
        text += f", from {start:%Y-%m-%d %H:%M:%S} to {until} UTC"
    return "span", f"{text}.", 1, ()


def _problems(scored: list[Scored], problems: list[Scored], span: tuple[datetime, datetime] | None) -> Iterator[_Draft]:
    first = problems[0]
    yield _first_problem(first, span)
    if first.cause is not None:
        yield _cause(first)
    ranked = [item for item in scored if item.is_problem and item is not first][:_MAX_FOLLOWING]
    for item in in_order(ranked):
        yield _following(item, span)
        if item.cause is not None:
            yield _cause(item)
    rest = len(problems) - 1 - len(ranked)
    if rest > 0:
        more = "1 more pattern tells" if rest == 1 else f"{rest} more patterns tell"
        yield "more", f"{more} of trouble.", first.pattern.first_line, ()


def _first_problem(item: Scored, span: tuple[datetime, datetime] | None) -> _Draft:
    pattern = item.pattern
    at = f" at {moment(pattern.first_seen, span)}" if pattern.first_seen else ""
    text = f"The first trouble is {quote(item)} at line {pattern.first_line}{at}"
    if pattern.count == 1:
        text += "; it comes once."
    elif pattern.last_seen and pattern.last_seen != pattern.first_seen:
        text += f"; it comes {times(pattern.count)}, the last time at {moment(pattern.last_seen, span)}."
    else:
        text += f"; it comes {times(pattern.count)}."
    return "first_error", text, pattern.first_line, (pattern.id,)


def _cause(item: Scored) -> _Draft:
    cause = item.cause or ""
    cause = cause[: _MAX_QUOTED - 1] + "…" if len(cause) > _MAX_QUOTED else cause
    text = f"Its stack trace ends in “{cause}” (line {item.cause_line})."
    return "cause", text, item.cause_line, (item.pattern.id,)


def _following(item: Scored, span: tuple[datetime, datetime] | None) -> _Draft:
    pattern = item.pattern
    since = f" from {moment(pattern.first_seen, span)} on" if pattern.first_seen and pattern.count > 1 else ""
    if not since and pattern.first_seen:
        since = f" at {moment(pattern.first_seen, span)}"
    text = f"Then comes {quote(item)}, {times(pattern.count)}{since}, first at line {pattern.first_line}."
    return "error", text, pattern.first_line, (pattern.id,)


def _warnings(warnings: list[Scored], *, alone: bool) -> _Draft:
    top = max(warnings, key=lambda item: (item.pattern.count, -item.pattern.first_line))
    total = sum(item.pattern.count for item in warnings)
    opening = "No errors were logged, but warnings were" if alone else "Warnings were logged, too"
    if len(warnings) == 1:
        text = f"{opening}: {quote(top)}, {times(total)}, first at line {top.pattern.first_line}."
    else:
        text = (
            f"{opening}, {times(total)} in {len(warnings)} patterns, most often {quote(top)}, "
            f"{times(top.pattern.count)}, first at line {top.pattern.first_line}."
        )
    return "warnings", text, top.pattern.first_line, tuple(item.pattern.id for item in warnings)


def _spikes(scored: list[Scored], span: tuple[datetime, datetime] | None) -> Iterator[_Draft]:
    found = [item for item in scored if item.peak is not None and (item.is_problem or item.is_warning)]
    for item in found[:2]:
        start = to_datetime(item.peak.start) if item.peak else None
        if item.peak is None or start is None or item.pattern.first_seen is None:
            continue
        start = max(start, item.pattern.first_seen)
        share = f"{item.peak.count} of its {item.pattern.count} lines"
        if item.peak.count == item.pattern.count:
            share = f"all of its {item.pattern.count} lines"
        text = f"{quote(item)} peaks at {moment(start, span)}: {share} fall within {_width(item.peak.width)}."
        yield "spike", text, item.pattern.first_line, (item.pattern.id,)


def _width(micros: int) -> str:
    seconds = max(1, round(micros / 1_000_000))
    if seconds < 120:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    if seconds < 7200:
        return f"{round(seconds / 60)} minutes"
    return f"{round(seconds / 3600)} hours" if seconds < 172_800 else f"{round(seconds / 86_400)} days"


def _gone(scored: list[Scored], problems: list[Scored], span: tuple[datetime, datetime] | None) -> Iterator[_Draft]:
    """What was regular and fell silent while the log went on, if there was trouble that may be why."""
    if span is None or not problems or span[0] == span[1]:
        return
    silent = []
    for item in scored:
        pattern = item.pattern
        if item.is_problem or pattern.count < _REGULAR or pattern.first_seen is None or pattern.last_seen is None:
            continue
        started = (pattern.first_seen - span[0]) / (span[1] - span[0])
        stopped = (pattern.last_seen - span[0]) / (span[1] - span[0])
        if started <= _NEW_AFTER and stopped <= _GONE_BEFORE and pattern.last_seen != pattern.first_seen:
            silent.append(item)
    if silent:
        item = max(silent, key=lambda candidate: candidate.pattern.count)
        last = item.pattern.last_seen
        if last is not None:
            text = f"{quote(item)}, logged {times(item.pattern.count)} before, stops at {moment(last, span)}."
            yield "gone", text, item.pattern.first_line, (item.pattern.id,)


def _noise(scored: list[Scored], line_count: int) -> Iterator[_Draft]:
    routine = [item for item in scored if item.weight and not item.is_problem and not item.is_warning]
    lines = sum(item.pattern.count for item in routine)
    if not lines:
        return
    top = max(routine, key=lambda item: (item.pattern.count, -item.pattern.first_line))
    if lines == line_count and len(routine) == 1:
        yield "noise", f"All of it is {quote(top)}.", top.pattern.first_line, (top.pattern.id,)
        return
    text = f"{lines} of {_lines(line_count)} ({100 * lines // line_count} %) {'is' if lines == 1 else 'are'} routine"
    if top.pattern.count > 1:
        text += f", mostly {quote(top)}, {times(top.pattern.count)}"
    yield "noise", f"{text}.", top.pattern.first_line, (top.pattern.id,)
