"""How counts, times and templates are put into sentences."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from aiops_summarizer.engine.overview import Span
from aiops_summarizer.engine.scoring import Scored

_MAX_QUOTED: Final = 110
_ENDING: Final = 25
_MOSTLY: Final = 0.7
_MIN_SAMPLE: Final = 5
_MAX_VALUES: Final = 2
_MAX_VALUE: Final = 40
_UNITS: Final = ((86_400.0, 2.0, "day"), (3600.0, 2.0, "hour"), (60.0, 2.0, "minute"), (1.0, 0.95, "second"))


def quote(item: Scored, longest: int = _MAX_QUOTED) -> str:
    """What a template says, short enough for a sentence; a single line is quoted as it is."""
    text = item.pattern.template if item.pattern.count > 1 or not item.message.strip() else item.message
    return quoted(text, longest)


def quoted(text: str, longest: int = _MAX_QUOTED) -> str:
    """``text`` in quotation marks on one line. Of one that is too long, the middle goes: its end often says why."""
    text = " ".join(text.split())
    if len(text) > longest:
        ending = min(_ENDING, longest // 3)
        text = f"{text[: longest - ending - 1].rstrip()}…{text[-ending:].lstrip()}"
    return f"“{text}”"


def moment(time: datetime, span: Span | None) -> str:
    """``time`` to the second, with its date unless the whole log is of one day."""
    same_day = span is not None and span[0].date() == span[1].date()
    return f"{time:%H:%M:%S}" if same_day else f"{time:%Y-%m-%d %H:%M:%S}"


def number(count: int) -> str:
    """``count`` with thousands set apart from 10,000 on."""
    return f"{count:,}" if count >= 10_000 else str(count)


def counted(count: int, noun: str) -> str:
    """``count`` of something whose plural ends in s."""
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"


def times(count: int) -> str:
    """How often, in words."""
    return {1: "once", 2: "twice"}.get(count) or f"{number(count)} times"


def percent(part: int, whole: int) -> str:
    """The share of ``part`` as whole percent; never 0 % of something, and never 100 % of less than all."""
    share = 100 * part // whole if whole else 0
    return "less than 1 %" if part and not share else f"{share} %"


def lasting(duration: timedelta) -> str:
    """A duration in the unit in which it is at least two, rounded."""
    seconds = duration.total_seconds()
    for size, least, unit in _UNITS:
        if seconds >= least * size:
            return counted(round(seconds / size), unit)
    return "less than a second"


def per_minute(count: int, duration: timedelta) -> str | None:
    """How often in a minute on average, if it is often and for long enough to say."""
    minutes = duration.total_seconds() / 60
    return f"about {number(round(count / minutes))} a minute" if minutes >= 1 and count >= 2 * minutes else None


def listed(parts: Sequence[str]) -> str:
    """``parts`` with commas and an "and"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def values(item: Scored) -> str:
    """What the variable parts mostly are, where one value stands out.

    Values are estimated from a sample of the lines, so no number is said.
    """
    tops = [found[0] for found in item.statistics.values if found]
    striking = [value for value, count in tops if count >= _MOSTLY * item.pattern.count and len(value) <= _MAX_VALUE]
    if item.pattern.count < _MIN_SAMPLE or not striking:
        return ""
    return f", mostly with {listed([quoted(value) for value in striking[:_MAX_VALUES]])}"
