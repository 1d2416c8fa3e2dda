"""Compares two logs of the same system: what is new, gone, more frequent, less frequent.

A template depends on the words that a log has, so the templates of both are generalised together first. How often is
counted per time where both logs have times, else per line. A change of frequency counts if it is at least twofold and
hardly chance: logs come in bursts, so the test allows for as much spread between time buckets as the logs show
(quasi-Poisson: the variance of a count is its mean times the index of dispersion).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import erfc, log, log2, sqrt
from typing import Final

from aiops_summarizer.domain import LogLevel
from aiops_summarizer.engine.generalise import Matcher, generalise
from aiops_summarizer.engine.masking import WILD
from aiops_summarizer.engine.overview import Overview
from aiops_summarizer.engine.scoring import Scored

_BY_CHANCE: Final = 0.01
"""How likely it may be that any change at all that is told is none: each pattern is tested for its share of that."""

_MIN_RATIO: Final = 2.0
_ONLY_WEIGHT: Final = 6.0
"""What a pattern that one log has none of counts, beside the binary logarithm of a ratio."""


_Key = tuple[str, bool]
"""A template, and whether its lines that tell of trouble are meant or the others."""


class ChangeKind(StrEnum):
    """How a pattern differs between two logs."""

    NEW = "NEW"
    GONE = "GONE"
    MORE = "MORE"
    LESS = "LESS"


@dataclass(frozen=True, slots=True)
class Side:
    """A pattern in one of the two logs."""

    count: int
    first_line: int
    first_seen: datetime | None
    level: LogLevel
    weight: float
    dispersion: float


@dataclass(frozen=True, slots=True)
class Change:
    """A pattern that differs. ``ratio``: how many times as often as in the old log; None where one has none of it."""

    kind: ChangeKind
    template: str
    old: Side | None
    new: Side | None
    ratio: float | None

    @property
    def side(self) -> Side:
        """The pattern in the new log, or in the old one if it is gone."""
        side = self.new or self.old
        if side is None:
            raise ValueError(f"no log has the pattern {self.template!r}")
        return side

    @property
    def importance(self) -> float:
        """Severity × extent × size of the change."""
        size = _ONLY_WEIGHT if self.ratio is None else abs(log2(self.ratio))
        return self.side.weight * log2(1 + self.side.count) * size


@dataclass(frozen=True, slots=True)
class Differences:
    """What differs, the most important first.

    ``is_per_time``: whether frequencies are per time; else they are per line. ``same`` and ``same_lines``: patterns
    that come about as often as before, and their lines in the new log.
    """

    old: Overview
    new: Overview
    changes: tuple[Change, ...]
    same: int
    same_lines: int
    is_per_time: bool


def differences(old: Overview, new: Overview) -> Differences:
    """How ``new`` differs from ``old``."""
    common = _common(item for log in (old, new) for item in log.scored if not item.is_bucket)
    before, after = _sides(old, common), _sides(new, common)
    is_per_time = all(log.span is not None and log.span[0] < log.span[1] for log in (old, new))
    exposure = _seconds(new) / _seconds(old) if is_per_time else new.line_count / max(1, old.line_count)
    keys = before.keys() | after.keys() if old.line_count and new.line_count else set()
    changes: list[Change] = []
    same: list[_Key] = []
    for key in keys:
        change = _change(key[0], before.get(key), after.get(key), exposure, _BY_CHANCE / len(keys))
        if change is None:
            same.append(key)
        else:
            changes.append(change)
    return Differences(
        old=old,
        new=new,
        changes=tuple(
            sorted(changes, key=lambda change: (-change.importance, change.side.first_line, change.template))
        ),
        same=len({template for template, _ in same}),
        same_lines=sum(after[key].count for key in same if key in after),
        is_per_time=is_per_time,
    )


def _seconds(log: Overview) -> float:
    return (log.span[1] - log.span[0]).total_seconds() if log.span else 0.0


def _common(items: Iterable[Scored]) -> dict[str, str]:
    """Each template → the one that it is a case of, when all are looked at together."""
    counts: Counter[str] = Counter()
    for item in items:
        counts[item.pattern.template] += item.pattern.count
    goal = generalise(counts)
    matcher = Matcher({template for template in goal.values() if WILD in template})
    return {template: matcher.match(merged) or merged for template, merged in goal.items()}


def _sides(log: Overview, common: dict[str, str]) -> dict[_Key, Side]:
    groups: dict[_Key, list[Side]] = {}
    for item in log.scored:
        if not item.is_bucket:
            for is_trouble, side in _parts(item, _dispersion(item, log)):
                groups.setdefault((common[item.pattern.template], is_trouble), []).append(side)
    return {key: _merged(sides) for key, sides in groups.items()}


def _parts(item: Scored, dispersion: float) -> Iterator[tuple[bool, Side]]:
    """A pattern's lines that tell of trouble, and the others."""
    pattern, trouble = item.pattern, item.trouble
    if trouble is not None:
        level = min(item.statistics.levels, key=lambda level: list(LogLevel).index(level or LogLevel.UNKNOWN))
        level = level or LogLevel.UNKNOWN
        yield True, Side(trouble.count, trouble.first_line, trouble.first, level, item.weight, dispersion)
    count = pattern.count - trouble.count if trouble else pattern.count
    if count:
        weight = 1.0 if trouble else item.weight
        yield False, Side(count, pattern.first_line, pattern.first_seen, pattern.level, weight, dispersion)


def _merged(sides: Sequence[Side]) -> Side:
    first = min(sides, key=lambda side: side.first_line)
    times = [side.first_seen for side in sides if side.first_seen]
    worst = max(sides, key=lambda side: side.weight)
    return Side(
        count=sum(side.count for side in sides),
        first_line=first.first_line,
        first_seen=min(times, default=None),
        level=worst.level,
        weight=worst.weight,
        dispersion=max(side.dispersion for side in sides),
    )


def _dispersion(item: Scored, log: Overview) -> float:
    """Variance by mean of a pattern's lines per time bucket: 1 where they come at random, more where in bursts."""
    counts = item.statistics.buckets.values()
    buckets = len(log.buckets)
    mean = sum(counts) / buckets if buckets else 0.0
    if not mean:
        return 1.0
    variance = sum(count * count for count in counts) / buckets - mean * mean
    return max(1.0, variance / mean)


def _change(template: str, old: Side | None, new: Side | None, exposure: float, limit: float) -> Change | None:
    """The change of one pattern; None if there is none to speak of. ``exposure``: the new log's extent by the old's."""
    if old is not None and new is not None:
        ratio = new.count / old.count / exposure
        spread = sqrt(old.dispersion / old.count + new.dispersion / new.count)
        is_chance = erfc(abs(log(ratio)) / spread / sqrt(2)) > limit
        if is_chance or max(ratio, 1 / ratio) < _MIN_RATIO:
            return None
        return Change(ChangeKind.MORE if ratio > 1 else ChangeKind.LESS, template, old, new, ratio)
    kind = ChangeKind.NEW if old is None else ChangeKind.GONE
    side = new or old
    if side is None:
        return None
    # What is in one log only is news if it is trouble; routine, if the other log is long enough to have had some.
    share = exposure / (1 + exposure) if kind is ChangeKind.NEW else 1 / (1 + exposure)
    is_news = side.weight > 1 or share ** (side.count / side.dispersion) <= limit
    return Change(kind, template, old, new, None) if is_news else None
