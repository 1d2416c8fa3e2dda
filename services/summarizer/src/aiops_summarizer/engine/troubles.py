"""What broke first, what came before it, what followed, and whether it is over."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from aiops_summarizer.domain import Moment
from aiops_summarizer.engine.drafts import Draft
from aiops_summarizer.engine.episodes import Sorted, impact, in_order, is_steady, trouble_of
from aiops_summarizer.engine.overview import Overview
from aiops_summarizer.engine.scoring import Scored, Trouble
from aiops_summarizer.engine.wording import counted, lasting, moment, number, per_minute, quote, quoted, times
from aiops_summarizer.engine.wording import values as told_values

_MAX_FOLLOWING: Final = 4
_MAX_LOUD: Final = 2
_MAX_APART: Final = 2
_MAX_BEFORE: Final = 2
_SHORT: Final = 60
_BEGINNING: Final = 0.01
_MANY_LINES: Final = 100
_SHORTLY: Final = timedelta(minutes=1)
_SHORTLY_SHARE: Final = 0.05
_SHORTLY_LINES: Final = 20
_RARE: Final = 3
_SERIES: Final = 4
_APART: Final = 0.7
"""What comes in a series has so many lines, and so large a part of them in time buckets of their own."""

_AT_ONCE: Final = timedelta(seconds=10)
_OVER: Final = 0.05
_OVER_GAPS: Final = 4
_ONGOING_GAPS: Final = 2
"""Trouble is over after a silence of so many usual gaps, and goes on if the log ends within so few."""


_CHANGE = re.compile(
    r"\b(?:(?:re)?start(?:ed|ing|up)?|stopp(?:ed|ing)|shut(?:ting)? ?down|shutdown|terminat\w+|exit(?:ed|ing)|sigterm"
    r"|(?:re)?load(?:ed|ing)? config\w*|reload\w*|deploy\w*|roll(?:ed|ing)?[ -]?(?:out|back)|upgrad\w+|downgrad\w+"
    r"|migrat\w+|fail(?:ed|ing)?[ -]?over|promot(?:ed|ing)|elected|scal(?:ed|ing)|enabled|disabled|rotat(?:ed|ing)"
    r"|handling signal|(?:new|version|release) v?\d[\w.]*)\b",
    re.IGNORECASE,
)
"""Words that mean that somebody or something changed the system."""


def before(log: Overview, trouble: Sorted) -> Iterator[Draft]:
    """Warnings that came first, and the last change before the first trouble."""
    first = trouble_of(trouble.main[0])
    early = [item for item in log.scored if item.is_warning and _precedes(item, first, log)]
    for item in in_order(early)[:_MAX_BEFORE]:
        pattern = item.pattern
        text = f"Before that, {quote(item)} warned {since(item, log)}."
        told = Moment(pattern.first_seen, pattern.first_line, f"first warning: {quote(item, _SHORT)}")
        yield Draft("before", text, pattern.first_line, (item,), (told,))
    changes = [item for item in log.scored if _is_change(item) and _is_shortly_before(item, first, log)]
    for item in in_order(changes)[-1:]:
        pattern = item.pattern
        at = f" at {moment(pattern.last_seen, log.span)}" if pattern.last_seen else ""
        text = f"Shortly before, {quote(item)} was logged{at} (line {item.statistics.last_line})."
        last = Moment(pattern.last_seen, item.statistics.last_line, quote(item, _SHORT))
        yield Draft("change", text, item.statistics.last_line, (item,), (last,))


def since(item: Scored, log: Overview) -> str:
    """How often a pattern was logged, since when and from which line on."""
    pattern = item.pattern
    at = ""
    if pattern.first_seen:
        at = f" {'since' if pattern.count > 1 else 'at'} {moment(pattern.first_seen, log.span)}"
    return f"{times(pattern.count)}{at} (line {pattern.first_line})"


def _precedes(item: Scored, first: Trouble, log: Overview) -> bool:
    pattern = item.pattern
    if is_steady(item, log.buckets):
        return False
    if pattern.first_seen and first.first:
        return pattern.first_seen < first.first
    return pattern.first_line < first.first_line


def _is_change(item: Scored) -> bool:
    is_plain = not item.is_problem and not item.is_warning and not item.is_bucket
    return is_plain and item.pattern.count <= _RARE and _CHANGE.search(item.message) is not None


def _is_shortly_before(item: Scored, first: Trouble, log: Overview) -> bool:
    last = item.pattern.last_seen
    if last and first.first:
        return item.statistics.last_line < first.first_line and first.first - _window(log) <= last <= first.first
    return 0 < first.first_line - item.statistics.last_line <= _SHORTLY_LINES


def opening(log: Overview, trouble: Sorted) -> Iterator[Draft]:
    """The first trouble, with what its stack trace says."""
    yield _first(trouble.main[0], log)
    yield from cause(trouble.main[0])


def following(log: Overview, trouble: Sorted) -> Iterator[Draft]:
    """The most important of what followed, in the order in which it happened."""
    first, *rest = trouble.main
    ranked = _most_telling(rest)
    before, has_cause = first, False
    for item in in_order(ranked):
        yield _following(item, before, log)
        if not has_cause:
            causes = list(cause(item))
            has_cause = bool(causes)
            yield from causes
        before = item
    left = [item for item in rest if item not in ranked]
    if left:
        lines = sum(trouble_of(item).count for item in left)
        verb = "tells" if len(left) == 1 else "tell"
        text = f"{counted(len(left), 'more pattern')} {verb} of trouble, in {counted(lines, 'line')}."
        yield Draft("more", text, in_order(left)[0].pattern.first_line, tuple(left))


def _most_telling(problems: Sequence[Scored]) -> list[Scored]:
    """Those with most lines for their severity, and beside them those that stand out."""
    loud = sorted(problems, key=lambda item: -impact(item))[:_MAX_LOUD]
    striking = sorted((item for item in problems if item not in loud), key=lambda item: -item.score)
    return [*loud, *striking[: _MAX_FOLLOWING - len(loud)]]


def _first(item: Scored, log: Overview) -> Draft:
    found = trouble_of(item)
    at = f" at {moment(found.first, log.span)}" if found.first else ""
    where = f" (line {found.first_line})"
    is_cut = log.line_count >= _MANY_LINES and found.first_line <= _BEGINNING * log.line_count
    opening = "Trouble is there from the beginning of the log" if is_cut else "Trouble begins"
    text = f"{opening} with {quote(item)}{at}{where}, {_extent(item, found, log)}{told_values(item)}."
    moments = [Moment(found.first, found.first_line, f"first error: {quote(item, _SHORT)}")]
    return Draft("first_error", text, found.first_line, (item,), tuple(moments))


def _extent(item: Scored, found: Trouble, log: Overview) -> str:
    """How often, until when, how fast."""
    often = times(found.count)
    if item.is_mixed:
        often = f"in {number(found.count)} of its {counted(item.pattern.count, 'line')}"
    if item.is_mixed or found.count == 1:
        return often
    if found.first is None or found.last is None:
        return f"{often} until line {found.last_line}"
    if found.last - found.first < _AT_ONCE:
        return f"{often} within {lasting(found.last - found.first)}"
    rate = per_minute(found.count, found.last - found.first)
    if rate is None and found.count >= _SERIES and len(item.statistics.buckets) >= _APART * found.count:
        rate = f"every {lasting((found.last - found.first) / (found.count - 1))} on average"
    return f"{often} until {moment(found.last, log.span)}{f', {rate}' if rate else ''}"


def cause(item: Scored) -> Iterator[Draft]:
    """What the stack trace of a pattern's first line says, if there is one."""
    trace = item.statistics.trace
    if trace is None or (trace.cause is None and trace.frame is None):
        return
    frame = f"{quoted(trace.frame)} (line {trace.frame_line})" if trace.frame else ""
    if trace.cause is None:
        yield Draft("cause", f"Its stack trace leads to {frame}.", trace.frame_line, (item,))
        return
    text = f"Its stack trace ends in {quoted(trace.cause)} (line {trace.cause_line})"
    yield Draft("cause", f"{text}, raised at {frame}." if frame else f"{text}.", trace.cause_line, (item,))


def _following(item: Scored, before: Scored, log: Overview) -> Draft:
    found = trouble_of(item)
    at = f" at {moment(found.first, log.span)}" if found.first else ""
    moments = (Moment(found.first, found.first_line, quote(item, _SHORT)),)
    if item.is_mixed:
        lines = counted(item.pattern.count, "line")
        verb = "is an error" if found.count == 1 else "are errors"
        since = (at if found.count == 1 else at.replace(" at ", " from ") + " on") if at else ""
        text = f"Of the {lines} {quote(item)}, {number(found.count)} {verb}{since} (first at line {found.first_line})."
        return Draft("error", text, found.first_line, (item,), moments)
    is_same = _is_same_second(found, trouble_of(before))
    opening = "In the same second comes" if is_same else "Then comes"
    when = "" if is_same else at
    text = f"{opening} {quote(item)}{when} (line {found.first_line}), {_extent(item, found, log)}{told_values(item)}."
    return Draft("error", text, found.first_line, (item,), moments)


def _is_same_second(one: Trouble, other: Trouble) -> bool:
    return bool(one.first and other.first and one.first.replace(microsecond=0) == other.first.replace(microsecond=0))


def outcome(log: Overview, trouble: Sorted) -> Iterator[Draft]:
    """Whether the log goes on without trouble, or ends in the middle of it."""
    found = [trouble_of(item) for item in trouble.main if not item.is_mixed]
    if not found or not log.span or not all(one.first and one.last for one in found) or len(log.buckets) < 2:
        return
    last = max((one.last, one.last_line) for one in found if one.last)
    first = min(one.first for one in found if one.first)
    count = sum(one.count for one in found)
    rest = log.span[1] - last[0]
    usual = (last[0] - first) / max(1, count - 1)
    text = f"The last of it is at {moment(last[0], log.span)} (line {last[1]})"
    if rest >= (log.span[1] - log.span[0]) * _OVER and rest >= _OVER_GAPS * usual:
        over = Moment(last[0], last[1], "the last of it")
        yield Draft("over", f"{text}; the log goes on for {lasting(rest)} without it.", last[1], (), (over,))
        yield from _remedy(log, last[0])
    elif count >= _SERIES and rest <= max(usual, timedelta(seconds=1)) * _ONGOING_GAPS:
        yield Draft("ongoing", f"{text}: it goes on until the log ends.", last[1])


def _remedy(log: Overview, last: datetime) -> Iterator[Draft]:
    """The first change after the last of the trouble: perhaps what ended it."""
    changes = [
        (item.pattern.first_seen, item)
        for item in log.scored
        if _is_change(item) and item.pattern.first_seen and last <= item.pattern.first_seen <= last + _window(log)
    ]
    for time, item in sorted(changes, key=lambda pair: (pair[0], pair[1].pattern.first_line))[:1]:
        line = item.pattern.first_line
        text = f"Shortly after it, {quote(item)} was logged at {moment(time, log.span)} (line {line})."
        yield Draft("change", text, line, (item,), (Moment(time, line, quote(item, _SHORT)),))


def _window(log: Overview) -> timedelta:
    """How long before or after something else is still near it."""
    return max(_SHORTLY, (log.span[1] - log.span[0]) * _SHORTLY_SHARE) if log.span else _SHORTLY


def apart(log: Overview, trouble: Sorted) -> Iterator[Draft]:
    """Trouble at another time, and what goes on all the while."""
    ranked = sorted(trouble.apart, key=lambda item: -item.score)
    shown = in_order(ranked[:_MAX_APART])
    for item in shown:
        found = trouble_of(item)
        at = f" at {moment(found.first, log.span)}" if found.first else ""
        when = "Earlier, and apart from that" if found.first_line < trouble.main[0].pattern.first_line else "Later"
        text = f"{when}, there is {quote(item)}{at} (line {found.first_line}), {_extent(item, found, log)}."
        yield Draft("apart", text, found.first_line, (item,))
    left = ranked[_MAX_APART:]
    if left:
        verb = "tells" if len(left) == 1 else "tell"
        text = f"{counted(len(left), 'more pattern')} {verb} of trouble at other times."
        yield Draft("more", text, in_order(left)[0].pattern.first_line, tuple(left))
    yield from background(log, trouble.background)


def background(log: Overview, problems: Sequence[Scored]) -> Iterator[Draft]:
    """What is logged as a problem or warning at all times, and so is no news."""
    warnings = [item for item in log.scored if item.is_warning and is_steady(item, log.buckets)]
    items = sorted([*problems, *warnings], key=lambda item: -item.pattern.count)
    if not items:
        return
    top = items[0]
    count = sum(item.pattern.count for item in items)
    if len(items) == 1:
        text = f"{quote(top)} (line {top.pattern.first_line}) is there all through the log, {times(count)}: no news."
    else:
        text = (
            f"{counted(len(items), 'pattern')} of errors or warnings are there all through the log, {times(count)}, "
            f"mostly {quote(top)} (line {top.pattern.first_line}): no news."
        )
    yield Draft("background", text, top.pattern.first_line, tuple(items))
