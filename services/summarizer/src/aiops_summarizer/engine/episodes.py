"""Sorts trouble: what belongs to the incident, what happened apart from it, and what went on all the time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import log2
from typing import Final

from aiops_summarizer.engine.overview import Overview
from aiops_summarizer.engine.scoring import Scored, Trouble

_STEADY_LINES: Final = 6
_STEADY_SHARE: Final = 6
"""What is steady is there in the first and the last sixth of the log, with a sixth of its lines in each third."""

_MIN_BUCKETS: Final = 6
_GAP: Final = 0.05
_GAP_TIME: Final = timedelta(minutes=1)
_GAP_LINES: Final = 50
"""Silence between two troubles from which on they are told apart: a twentieth of the log, and this at least."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sorted:
    """Problems by what they have to do with each other, each list in the order in which they began.

    ``background`` went on all through the log: it is no news, unless there is nothing else.
    """

    main: list[Scored]
    apart: list[Scored]
    background: list[Scored]


def sort_out(log: Overview) -> Sorted:
    """The problems of ``log``, sorted."""
    problems = in_order(item for item in log.scored if item.is_problem)
    background = [item for item in problems if is_steady(item, log.buckets)]
    acute = [item for item in problems if item not in background]
    if not acute:
        return Sorted(main=background, apart=[], background=[])
    episodes = _episodes(acute, log)
    main = max(episodes, key=lambda members: sum(impact(item) for item in members))
    apart = [item for members in episodes if members is not main for item in members]
    return Sorted(main=main, apart=apart, background=background)


def in_order(items: Iterable[Scored]) -> list[Scored]:
    """By time, if all have one (logs of several writers are not in order); else by line."""
    members = list(items)
    is_dated = all(_start(item)[0] is not None for item in members)
    return sorted(members, key=lambda item: ((_start(item)[0] if is_dated else None) or _EPOCH, _start(item)[1]))


def _start(item: Scored) -> tuple[datetime | None, int]:
    if item.trouble is not None:
        return item.trouble.first, item.trouble.first_line
    return item.pattern.first_seen, item.pattern.first_line


def is_steady(item: Scored, buckets: range) -> bool:
    """Whether a template was logged evenly from the beginning to the end: six lines at least, some in each third."""
    found = item.statistics.buckets
    total = sum(found.values())
    if len(buckets) < _MIN_BUCKETS or total < _STEADY_LINES or item.peak is not None or item.is_mixed:
        return False
    edge = len(buckets) // _STEADY_SHARE
    if min(found) - buckets.start > edge or buckets.stop - 1 - max(found) > edge:
        return False
    thirds = [0, 0, 0]
    for bucket, count in found.items():
        thirds[min(2, 3 * (bucket - buckets.start) // len(buckets))] += count
    return min(thirds) * _STEADY_SHARE >= total


def impact(item: Scored) -> float:
    """How much a problem counts beside others: by its severity first, then by its number of lines."""
    return item.weight * log2(1 + trouble_of(item).count)


def trouble_of(item: Scored) -> Trouble:
    """The trouble of a problem. Raises ValueError for a template that is none."""
    if item.trouble is None:
        raise ValueError(f"template {item.pattern.template!r} tells of no trouble")
    return item.trouble


def _episodes(problems: list[Scored], log: Overview) -> list[list[Scored]]:
    """The problems in groups with a silence between each two."""
    extents = _extents(problems, log)
    least = max(_GAP, _least_gap(log))
    episodes: list[list[Scored]] = []
    end = 0.0
    for at in sorted(range(len(problems)), key=lambda at: extents[at]):
        if not episodes or extents[at][0] - end > least:
            episodes.append([])
            end = 0.0
        episodes[-1].append(problems[at])
        end = max(end, extents[at][1])
    return [in_order(members) for members in episodes]


def _least_gap(log: Overview) -> float:
    if log.span is None:
        return _GAP_LINES / log.line_count
    return _GAP_TIME / (log.span[1] - log.span[0]) if log.span[1] > log.span[0] else 1.0


def _extents(problems: list[Scored], log: Overview) -> list[tuple[float, float]]:
    """From where to where each problem goes, as shares of the log: by time if all have one, else by line."""
    found = [trouble_of(item) for item in problems]
    if log.span and log.span[0] < log.span[1] and all(trouble.first and trouble.last for trouble in found):
        origin, whole = log.span[0], log.span[1] - log.span[0]
        return [(((t.first or origin) - origin) / whole, ((t.last or origin) - origin) / whole) for t in found]
    return [(trouble.first_line / log.line_count, trouble.last_line / log.line_count) for trouble in found]
