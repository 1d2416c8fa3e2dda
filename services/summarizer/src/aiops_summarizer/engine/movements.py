"""What changes over time without being trouble itself: new, gone, in a burst, together with something else, silent."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from aiops_summarizer.domain import Moment
from aiops_summarizer.engine.drafts import Draft
from aiops_summarizer.engine.episodes import Sorted, is_steady, trouble_of
from aiops_summarizer.engine.overview import Overview
from aiops_summarizer.engine.scoring import Peak, Scored
from aiops_summarizer.engine.timestamps import to_datetime
from aiops_summarizer.engine.wording import lasting, listed, moment, number, quote, times

_BY_CHANCE: Final = 0.001
"""How likely it may be that lines at random times leave so long a part of the log without one."""

_MIN_LINES: Final = 10
_MIN_SHARE: Final = 0.02
_MIN_PART: Final = 0.2
_NEAR: Final = 0.1
_MAX_TOLD: Final = 2
_SHORT: Final = 60
_ANCHORS: Final = 6
_PARTNERS: Final = 40
_MIN_SHARED: Final = 3
_MIN_LIFT: Final = 2.0
_MIN_OVERLAP: Final = 0.8
_BURST: Final = 0.2
_BRIEF: Final = timedelta(hours=1)
_CLOSE: Final = timedelta(minutes=10)
_SILENT_BUCKETS: Final = 3
_SILENT_LINES: Final = 20
_SILENT_FACTOR: Final = 3


def new(log: Overview, trouble: Sorted | None, told: Sequence[Scored]) -> Iterator[Draft]:
    """What is often logged, but only from some moment in the log on: one near the first trouble, if there is any."""
    found = []
    for item in _regular(log):
        first = item.pattern.first_seen
        if first and item not in told and _is_turn(first, log, trouble):
            share = _share(first, log)
            if share >= _MIN_PART and (1 - share) ** item.pattern.count <= _BY_CHANCE:
                found.append((item, first))
    for item, first in sorted(found, key=lambda pair: -pair[0].pattern.count)[:_MAX_TOLD]:
        line = item.pattern.first_line
        text = f"{quote(item)} is new: {times(item.pattern.count)} from {moment(first, log.span)} on (line {line})."
        yield Draft("new", text, line, (item,), (Moment(first, line, f"the first {quote(item, _SHORT)}"),))


def gone(log: Overview, trouble: Sorted | None, told: Sequence[Scored]) -> Iterator[Draft]:
    """What was regular and fell silent while the log went on: near the first trouble, if there is any."""
    found = []
    for item in _regular(log):
        last = item.pattern.last_seen
        if last and item not in told and _is_turn(last, log, trouble):
            share = _share(last, log)
            if share <= 1 - _MIN_PART and share**item.pattern.count <= _BY_CHANCE:
                found.append((item, last))
    for item, last in sorted(found, key=lambda pair: -pair[0].pattern.count)[:_MAX_TOLD]:
        often, line = times(item.pattern.count), item.statistics.last_line
        text = f"{quote(item)}, logged {often} until then, stops at {moment(last, log.span)} (line {line})."
        yield Draft("gone", text, line, (item,), (Moment(last, line, f"the last {quote(item, _SHORT)}"),))


def _is_turn(time: datetime, log: Overview, trouble: Sorted | None) -> bool:
    """Whether ``time`` is near the beginning of the trouble, so that one may have to do with the other."""
    if log.span is None or log.span[0] == log.span[1]:
        return False
    onset = trouble_of(trouble.main[0]).first if trouble else None
    return onset is None or abs(time - onset) <= (log.span[1] - log.span[0]) * _NEAR


def _share(time: datetime, log: Overview) -> float:
    """How much of the log's time had passed by ``time``."""
    return (time - log.span[0]) / (log.span[1] - log.span[0]) if log.span else 0.0


def _regular(log: Overview) -> list[Scored]:
    """Routine that is logged often."""
    least = max(_MIN_LINES, _MIN_SHARE * log.line_count)
    plain = (item for item in log.scored if not (item.is_bucket or item.is_problem or item.is_warning))
    return [item for item in plain if item.pattern.count >= least]


def spikes(log: Overview) -> Iterator[Draft]:
    """Errors and warnings that come in a burst, and routine that floods the log."""
    if _width(log) > _BRIEF:
        return
    notable = [item for item in log.scored if item.is_problem or item.is_warning]
    usual = max((item.pattern.count for item in _regular(log)), default=0)
    floods = [item for item in _regular(log) if 2 * item.pattern.count >= usual]
    found = [(item, item.peak) for item in (*notable, *floods) if item.peak is not None and not item.is_mixed]
    for item, peak in [pair for pair in found if _is_burst(*pair)][:_MAX_TOLD]:
        start = to_datetime(peak.start)
        if start is not None and item.pattern.first_seen is not None:
            start = max(start, item.pattern.first_seen)
            share = f"{number(peak.count)} of its {number(item.pattern.count)} lines"
            within = lasting(timedelta(microseconds=peak.width))
            text = f"{quote(item)} peaks at {moment(start, log.span)}: {share} fall within {within}."
            told = Moment(start, 0, f"the peak of {quote(item, _SHORT)}")
            yield Draft("spike", text, item.pattern.first_line, (item,), (told,))


def _is_burst(item: Scored, peak: Peak) -> bool:
    """Whether the peak holds a large part of the lines; if it holds all, the times of the pattern tell it better."""
    return _BURST * item.pattern.count <= peak.count < item.pattern.count


def silences(log: Overview) -> Iterator[Draft]:
    """The longest time in which nothing was logged, if many lines would have been and no other silence is like it."""
    busy = sorted({bucket for item in log.scored for bucket in item.statistics.buckets})
    gaps = sorted((until - after - 1, after, until) for after, until in pairwise(busy))[-2:]
    if log.span is None or len(gaps) < 2:
        return
    empty, after, until = gaps[1]
    lines = sum(sum(item.statistics.buckets.values()) for item in log.scored)
    is_long = empty >= _SILENT_BUCKETS and empty >= _SILENT_FACTOR * gaps[0][0]
    if not is_long or empty * lines < _SILENT_LINES * len(log.buckets):
        return
    start, end = to_datetime((after + 1) << log.shift), to_datetime(until << log.shift)
    if start is not None and end is not None:
        text = f"From {moment(start, log.span)} to {moment(end, log.span)} nothing was logged at all."
        yield Draft("silence", text, 0, (), (Moment(start, 0, f"nothing is logged for {lasting(end - start)}"),))


def together(log: Overview, trouble: Sorted) -> Iterator[Draft]:
    """Patterns that come with a problem again and again: in the same time bucket or in the one after it.

    What happens once proves nothing, so the problem must come in three stretches of time at least, and its partner
    twice as often there as it would by chance (lift).
    """
    if 2 * _width(log) > _CLOSE:
        return
    anchors = [item for item in trouble.main if not item.is_mixed and _stretches(item) >= _MIN_SHARED][:_ANCHORS]
    candidates = [item for item in log.scored if not item.is_bucket and not item.is_mixed][:_PARTNERS]
    named: set[str] = set()
    for anchor in anchors:
        if anchor.pattern.id in named:
            continue
        partners = [
            (shared, item)
            for item in candidates
            if item is not anchor and not is_steady(item, log.buckets) and (shared := _shared(anchor, item, log))
        ]
        if partners:
            partners = sorted(partners, key=lambda pair: -pair[0])[:_MIN_SHARED]
            items = [item for _, item in partners]
            named.update(item.pattern.id for item in (anchor, *items))
            yield _companions(anchor, items, min(shared for shared, _ in partners), log)


def _companions(anchor: Scored, items: list[Scored], shared: int, log: Overview) -> Draft:
    total = len(anchor.statistics.buckets)
    verb = "comes" if len(items) == 1 else "come"
    often = "each time" if shared == total else f"{number(shared)} of {number(total)} times"
    within = lasting(2 * _width(log))
    names = listed([f"{quote(item)} (line {item.pattern.first_line})" for item in items])
    text = f"With {quote(anchor, _SHORT)} {verb} {names}: {often} within {within}."
    return Draft("together", text, items[0].pattern.first_line, (anchor, *items))


def _stretches(item: Scored) -> int:
    buckets = item.statistics.buckets
    return sum(bucket - 1 not in buckets for bucket in buckets)


def _shared(anchor: Scored, item: Scored, log: Overview) -> int:
    """In how many of the anchor's buckets, or right after them, the other is; 0 where that is not worth telling."""
    others = item.statistics.buckets
    mine = anchor.statistics.buckets
    shared = sum(bucket in others or bucket + 1 in others for bucket in mine)
    near = {near for bucket in mine for near in (bucket, bucket + 1)}
    by_chance = len(others) * len(near) / len(log.buckets)
    inside = sum(bucket in near for bucket in others)
    is_close = shared >= _MIN_OVERLAP * len(mine) and inside >= _MIN_OVERLAP * len(others)
    return shared if shared >= _MIN_SHARED and is_close and inside >= _MIN_LIFT * by_chance else 0


def _width(log: Overview) -> timedelta:
    return timedelta(microseconds=1 << log.shift)
