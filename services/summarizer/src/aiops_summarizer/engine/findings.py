"""Says in single sentences what a log shows. Each is a finding, and holds nothing but what the store counted."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from aiops_summarizer.domain import Finding, LogLevel
from aiops_summarizer.engine import movements, troubles
from aiops_summarizer.engine.drafts import Draft
from aiops_summarizer.engine.episodes import Sorted, is_steady
from aiops_summarizer.engine.overview import Overview
from aiops_summarizer.engine.scoring import Scored
from aiops_summarizer.engine.templates import CONTINUATION, NOT_TEXT, OTHER
from aiops_summarizer.engine.wording import counted, number, percent, quote, times

_ALARMING: Final = (LogLevel.FATAL, LogLevel.ERROR, LogLevel.WARN)


def draft(log: Overview, trouble: Sorted | None) -> list[Draft]:
    """What there is to say about a log, in the order in which one would tell it."""
    if not log.line_count:
        return [Draft("empty", "The log has no lines.", 0)]
    drafts = [_span(log)]
    if trouble is not None:
        drafts.extend(troubles.opening(log, trouble))
        drafts.extend(troubles.before(log, trouble))
        drafts.extend(troubles.following(log, trouble))
        drafts.extend(movements.together(log, trouble))
        drafts.extend(troubles.outcome(log, trouble))
    drafts.extend(_warnings(log, trouble, drafts))
    drafts.extend(movements.spikes(log))
    drafts.extend(movements.new(log, trouble, _named(drafts)))
    drafts.extend(movements.gone(log, trouble, _named(drafts)))
    drafts.extend(movements.silences(log))
    if trouble is not None:
        drafts.extend(troubles.apart(log, trouble))
    drafts.extend(_noise(log))
    drafts.extend(_rest(log))
    return drafts


def number_all(drafts: list[Draft]) -> tuple[Finding, ...]:
    """The findings that ``drafts`` become; their ids are F1, F2, …"""
    return tuple(
        Finding(
            id=f"F{at}",
            kind=found.kind,
            text=found.text,
            line=found.line,
            pattern_ids=tuple(item.pattern.id for item in found.items),
        )
        for at, found in enumerate(drafts, start=1)
    )


def _named(drafts: list[Draft]) -> list[Scored]:
    return [item for found in drafts for item in found.items]


def _span(log: Overview) -> Draft:
    text = f"{counted(log.line_count, 'line')} in {counted(len(log.scored), 'pattern')}"
    if log.span is not None:
        start, end = log.span
        until = f"{end:%H:%M:%S}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M:%S}"
        text += f", from {start:%Y-%m-%d %H:%M:%S} to {until} UTC"
    return Draft("span", f"{text}.", 1)


def _warnings(log: Overview, trouble: Sorted | None, drafts: list[Draft]) -> Iterator[Draft]:
    """The warnings that nothing was said about yet. Those that are always there are told with the background."""
    told = _named(drafts)
    found = [item for item in log.scored if item.is_warning and item not in told]
    if trouble is not None:
        found = [item for item in found if not is_steady(item, log.buckets)]
    # Of lines that were only counted the level is known all the same.
    limit = " in the lines that could be read" if unread(log.scored) else ""
    if not found:
        if trouble is None:
            yield Draft("quiet", f"No errors or warnings were logged{limit}.", 1)
        return
    top = max(found, key=lambda item: (item.pattern.count, -item.pattern.first_line))
    total = sum(item.pattern.count for item in found)
    opening = f"No errors were logged{limit}, but warnings were" if trouble is None else "Warnings were logged, too"
    since = troubles.since(top, log)
    if len(found) == 1:
        text = f"{opening}: {quote(top)}, {since}."
    else:
        text = f"{opening}, {times(total)} in {counted(len(found), 'pattern')}, most often {quote(top)}, {since}."
    yield Draft("warnings", text, top.pattern.first_line, (top, *(item for item in found if item is not top)))
    if trouble is None:
        yield from troubles.cause(top)


def _noise(log: Overview) -> Iterator[Draft]:
    routine = [(routine_count(item), item) for item in log.scored if routine_count(item)]
    lines = sum(count for count, _ in routine)
    if not lines:
        return
    often, top = max(routine, key=lambda pair: (pair[0], -pair[1].pattern.first_line))
    if lines == log.line_count and len(routine) == 1:
        yield Draft("noise", f"All of it is {quote(top)}.", top.pattern.first_line, (top,))
        return
    if lines == log.line_count:
        text = f"All {counted(lines, 'line')} are routine"
    else:
        verb = "is" if lines == 1 else "are"
        share = percent(lines, log.line_count)
        text = f"{number(lines)} of {counted(log.line_count, 'line')} ({share}) {verb} routine"
    if often > 1:
        text += f", {'mostly' if 2 * often >= lines else 'most often'} {quote(top)}, {times(often)}"
    yield Draft("noise", f"{text}.", top.pattern.first_line, (top,))


def _rest(log: Overview) -> Iterator[Draft]:
    """The lines that say nothing by themselves."""
    for item in log.scored:
        pattern = item.pattern
        verb = "line continues another one" if pattern.count == 1 else "lines continue others"
        if pattern.template == CONTINUATION:
            text = f"{number(pattern.count)} {verb}, as in stack traces."
            yield Draft("continuations", text, pattern.first_line, (item,))
        elif pattern.template == NOT_TEXT:
            verb = "is" if pattern.count == 1 else "are"
            text = f"{counted(pattern.count, 'line')} {verb} not text, and only counted{_levels(item)}."
            yield Draft("not_text", text, pattern.first_line, (item,))
        elif pattern.template == OTHER:
            text = f"{counted(pattern.count, 'line')} of too many kinds to tell apart were only counted{_levels(item)}."
            yield Draft("other", text, pattern.first_line, (item,))


def unread(scored: Sequence[Scored]) -> Counter[LogLevel]:
    """How many of the lines that were only counted are at WARN or above, by level."""
    levels: Counter[LogLevel] = Counter()
    for item in scored:
        if item.is_bucket:
            levels.update({level: count for level in _ALARMING if (count := item.statistics.levels.get(level))})
    return levels


def _levels(item: Scored) -> str:
    told = ", ".join(f"{number(count)} at {level.value}" for level, count in unread([item]).items())
    return f": {told}" if told else ""


def routine_count(item: Scored) -> int:
    """How many lines of a pattern are of no interest: of an error that it is only at times, the other lines."""
    if item.trouble is not None:
        return item.pattern.count - item.trouble.count
    return 0 if item.is_bucket or item.is_warning else item.pattern.count
