"""How much a template deserves to be read first: severity × rarity × burst × novelty."""

from dataclasses import dataclass
from datetime import datetime
from math import log
from typing import Final

from aiops_summarizer.domain import LogLevel, LogPattern
from aiops_summarizer.engine.levels import CRASH, TROUBLE
from aiops_summarizer.engine.templates import SPECIAL, Statistics, TemplateStore, template_id
from aiops_summarizer.engine.timestamps import to_datetime

_WEIGHTS: Final = {
    LogLevel.FATAL: 100.0,
    LogLevel.ERROR: 40.0,
    LogLevel.WARN: 10.0,
    LogLevel.UNKNOWN: 1.0,
    LogLevel.INFO: 1.0,
    LogLevel.DEBUG: 0.5,
    LogLevel.TRACE: 0.3,
}
_CRASH_WEIGHT: Final = 60.0
_TROUBLE_WEIGHT: Final = 15.0
_SPIKE_FACTOR: Final = 3
_SPIKE_LINES: Final = 5
_SPIKE_BUCKETS: Final = 5
_MAX_EXAMPLE: Final = 1000


@dataclass(frozen=True, slots=True)
class Peak:
    """The time bucket with most of a template's lines; ``start`` and ``width`` are in microseconds."""

    start: int
    width: int
    count: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """The lines of a template that tell of trouble: how many, and the first and last of them.

    Where only some of a template's lines are errors, ``last`` and ``last_line`` are those of the template.
    """

    count: int
    first_line: int
    last_line: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Scored:
    """A template with everything that is said about it. ``message`` is the first line's, without header."""

    pattern: LogPattern
    statistics: Statistics
    weight: float
    score: float
    trouble: Trouble | None
    peak: Peak | None
    crash: bool

    @property
    def message(self) -> str:
        """The first line's message, without header."""
        return self.statistics.message

    @property
    def is_problem(self) -> bool:
        """Whether it is an error, by its level or, where none was written, by its words."""
        return self.trouble is not None

    @property
    def is_mixed(self) -> bool:
        """Whether it is an error in some of its lines only."""
        return self.trouble is not None and self.trouble.count < self.pattern.count

    @property
    def is_warning(self) -> bool:
        """Whether it is a warning and no more."""
        return self.trouble is None and self.pattern.level is LogLevel.WARN

    @property
    def is_bucket(self) -> bool:
        """Whether it stands for lines of any kind: those that continue others, are no text, or found no room."""
        return not self.weight


def shortened(line: str) -> str:
    """The part of a line that a pattern shows."""
    return line if len(line) <= _MAX_EXAMPLE else line[: _MAX_EXAMPLE - 1] + "…"


def score(store: TemplateStore, line_count: int) -> list[Scored]:
    """All templates, the most important first; ties keep the order of the log."""
    scored = [_scored(store, template, statistics, line_count) for template, statistics in store.items()]
    return sorted(scored, key=lambda item: (-item.score, item.pattern.first_line))


def _scored(store: TemplateStore, template: str, statistics: Statistics, line_count: int) -> Scored:
    bucket = template in SPECIAL
    crash = not bucket and CRASH.search(statistics.message) is not None
    trouble = None if bucket else _trouble(statistics, crash=crash)
    weight = 0.0 if bucket else _weight(statistics, trouble, crash=crash)
    peak = _peak(store, statistics)
    count = trouble.count if trouble else statistics.count
    rarity = 1 + log(line_count / count) / log(line_count + 1) if count else 1.0
    burst = 1.0 if peak is None else 1 + peak.count / statistics.count
    novelty = 1 + statistics.first_line / (2 * line_count)
    pattern = LogPattern(
        id=template_id(template),
        template=template,
        level=statistics.level,
        count=statistics.count,
        first_seen=to_datetime(statistics.first),
        last_seen=to_datetime(statistics.last),
        first_line=statistics.first_line,
        example=shortened(statistics.example),
    )
    return Scored(
        pattern=pattern,
        statistics=statistics,
        weight=weight,
        score=weight * rarity * burst * novelty,
        trouble=trouble,
        peak=peak,
        crash=crash,
    )


def _trouble(statistics: Statistics, *, crash: bool) -> Trouble | None:
    failing = [level for level in (LogLevel.FATAL, LogLevel.ERROR) if level in statistics.levels]
    count = sum(statistics.levels[level] for level in failing)
    if 0 < count < statistics.count and not crash:
        line, time = min((statistics.starts[level] for level in failing), key=lambda start: start[0])
        return Trouble(count, line, statistics.last_line, to_datetime(time), to_datetime(statistics.last))
    if not count and not _says_trouble(statistics, crash=crash):
        return None
    first, last = to_datetime(statistics.first), to_datetime(statistics.last)
    return Trouble(statistics.count, statistics.first_line, statistics.last_line, first, last)


def _says_trouble(statistics: Statistics, *, crash: bool) -> bool:
    level = statistics.level
    if crash:
        # What died is told at any level, but a message that was logged for debugging only talks about it.
        return level not in (LogLevel.DEBUG, LogLevel.TRACE)
    has_cause = statistics.trace is not None and statistics.trace.cause is not None
    return level is LogLevel.UNKNOWN and (has_cause or TROUBLE.search(statistics.message) is not None)


def _weight(statistics: Statistics, trouble: Trouble | None, *, crash: bool) -> float:
    if trouble is None:
        return _WEIGHTS[statistics.level]
    written = max((_WEIGHTS[level] for level in statistics.levels if level is not None), default=0.0)
    return max(written, _CRASH_WEIGHT if crash else _TROUBLE_WEIGHT)


def _peak(store: TemplateStore, statistics: Statistics) -> Peak | None:
    """The bucket that stands out, with five lines at least.

    Where a template was logged for five buckets or more, it must hold three times the mean of that time; a shorter
    burst stands out if it holds most of the template's lines and the log goes on for ten buckets.
    """
    if not statistics.buckets:
        return None
    bucket, count = max(statistics.buckets.items(), key=lambda item: (item[1], -item[0]))
    active = max(statistics.buckets) - min(statistics.buckets) + 1
    if count < _SPIKE_LINES:
        return None
    if active >= _SPIKE_BUCKETS:
        stands_out = count * active >= _SPIKE_FACTOR * statistics.count
    else:
        stands_out = 2 * count > statistics.count and len(store.span) >= 2 * _SPIKE_BUCKETS
    return Peak(start=bucket << store.shift, width=1 << store.shift, count=count) if stands_out else None
