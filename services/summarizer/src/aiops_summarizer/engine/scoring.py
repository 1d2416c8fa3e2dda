"""How much a template deserves to be read first: severity × rarity × burst × novelty."""

from dataclasses import dataclass
from math import log
from typing import Final

from aiops_summarizer.domain import LogLevel, LogPattern
from aiops_summarizer.engine.levels import CRASH, TROUBLE
from aiops_summarizer.engine.templates import CONTINUATION, OTHER, Statistics, TemplateStore, template_id
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


@dataclass(frozen=True, slots=True)
class Peak:
    """The time bucket with most of a template's lines; ``start`` and ``width`` are in microseconds."""

    start: int
    width: int
    count: int


@dataclass(frozen=True, slots=True)
class Scored:
    """A template with everything that is said about it. ``message`` is the first line's, without header."""

    pattern: LogPattern
    message: str
    weight: float
    score: float
    cause: str | None
    cause_line: int
    peak: Peak | None
    crash: bool

    @property
    def is_problem(self) -> bool:
        """Whether it is an error, by its level or, where none was written, by its words."""
        return self.weight >= _TROUBLE_WEIGHT

    @property
    def is_warning(self) -> bool:
        """Whether it is a warning and no more."""
        return not self.is_problem and self.pattern.level is LogLevel.WARN


def score(store: TemplateStore, line_count: int) -> list[Scored]:
    """All templates, the most important first; ties keep the order of the log."""
    scored = [_scored(store, template, statistics, line_count) for template, statistics in store.items()]
    return sorted(scored, key=lambda item: (-item.score, item.pattern.first_line))


def _scored(store: TemplateStore, template: str, statistics: Statistics, line_count: int) -> Scored:
    level = statistics.level
    bucket = template in (OTHER, CONTINUATION)
    crash = not bucket and CRASH.search(statistics.message) is not None
    weight = 0.0 if bucket else _weight(level, statistics, crash=crash)
    peak = _peak(store, statistics)
    rarity = 1 + log(line_count / statistics.count) / log(line_count + 1) if statistics.count else 1.0
    burst = 1.0 if peak is None else 1 + peak.count / statistics.count
    novelty = 1 + statistics.first_line / (2 * line_count)
    pattern = LogPattern(
        id=template_id(template),
        template=template,
        level=level,
        count=statistics.count,
        first_seen=to_datetime(statistics.first),
        last_seen=to_datetime(statistics.last),
        first_line=statistics.first_line,
        example=statistics.example,
    )
    return Scored(
        pattern=pattern,
        message=statistics.message,
        weight=weight,
        score=weight * rarity * burst * novelty,
        cause=statistics.cause,
        cause_line=statistics.cause_line,
        peak=peak,
        crash=crash,
    )


def _weight(level: LogLevel, statistics: Statistics, *, crash: bool) -> float:
    weight = _WEIGHTS[level]
    if level is LogLevel.UNKNOWN and (statistics.cause or TROUBLE.search(statistics.message)):
        weight = _TROUBLE_WEIGHT
    # What died is told at any level, but a message that was logged for debugging only talks about it.
    if crash and level not in (LogLevel.DEBUG, LogLevel.TRACE):
        weight = max(weight, _CRASH_WEIGHT)
    return weight


def _peak(store: TemplateStore, statistics: Statistics) -> Peak | None:
    """The bucket that stands out: at least three times the mean over the log's buckets, and five lines."""
    if not statistics.buckets:
        return None
    bucket, count = max(statistics.buckets.items(), key=lambda item: (item[1], -item[0]))
    spread = store.bucket_count
    if spread < _SPIKE_LINES or count < _SPIKE_LINES or count * spread < _SPIKE_FACTOR * statistics.count:
        return None
    return Peak(start=bucket << store.shift, width=1 << store.shift, count=count)
