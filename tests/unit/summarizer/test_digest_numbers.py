"""Every number that is said about a log is recomputed here from what the store counted."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from aiops_summarizer.engine import scan, summarise
from aiops_summarizer.engine.overview import Overview, survey
from aiops_summarizer.engine.timestamps import to_datetime
from aiops_summarizer.engine.wording import lasting, number, per_minute
from support.incidents import ALL

_LATER = datetime(2024, 6, 1, tzinfo=UTC)
_QUOTED = re.compile(r"“[^”]*”")
_CLOCK = re.compile(r"(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d")
_NUMBER = re.compile(r"\d[\d,]*")

_MESSAGES = (
    "INFO web: request served",
    "INFO web: request queued",
    "INFO deploy: starting web",
    "WARN pool: nearly full",
    "ERROR db: refused",
    "ERROR db: lost",
    "FATAL web: giving up",
    "INFO both: written",
    "ERROR both: written",
    "\tat com.acme.A.get",
    "Caused by: com.acme.LostException: gone",
)
_STEPS = st.tuples(st.sampled_from((0, 0, 1, 1, 5, 40, 400)), st.sampled_from(_MESSAGES), st.integers(1, 12))


def _log(steps: list[tuple[int, str, int]]) -> list[str]:
    time = datetime(2024, 5, 1, 10, tzinfo=UTC)
    lines = []
    for gap, message, repeats in steps:
        for _ in range(repeats):
            time += timedelta(seconds=gap)
            lines.append(message if message[0] in "\tC" else f"{time:%Y-%m-%d %H:%M:%S} {message}")
    return lines


@given(st.lists(_STEPS, max_size=40))
@settings(max_examples=150)
def test_every_number_is_derived_from_the_store(steps: list[tuple[int, str, int]]) -> None:
    _check(_log(steps))


def test_every_number_about_an_incident_is_derived_from_the_store() -> None:
    for build in ALL.values():
        _check(build())


def _check(log: list[str]) -> None:
    scanned = scan(log, reference=_LATER)
    overview = survey(scanned)
    found = summarise(scanned)
    clocks, numbers = _clocks(overview), _numbers(overview)
    told = [found.headline, *(finding.text for finding in found.findings), *(one.text for one in found.timeline)]
    for sentence in told:
        plain = _QUOTED.sub("", sentence)
        assert set(_CLOCK.findall(plain)) <= clocks, sentence
        assert set(_NUMBER.findall(_CLOCK.sub("", plain))) <= numbers, sentence
    assert found.text.split() == " ".join(finding.text for finding in found.findings).split()
    lines = {0} | set(range(1, len(log) + 1))
    assert {finding.line for finding in found.findings} | {one.line for one in found.timeline} <= lines


def _times(log: Overview) -> set[datetime]:
    times = {time for item in log.scored for time in (item.pattern.first_seen, item.pattern.last_seen) if time}
    times |= {to for item in log.scored for _, start in item.statistics.starts.values() if (to := to_datetime(start))}
    edges = (bucket << log.shift for item in log.scored for bucket in item.statistics.buckets)
    times |= {to for edge in edges for at in (edge, edge + (1 << log.shift)) if (to := to_datetime(at))}
    return times


def _clocks(log: Overview) -> set[str]:
    return {written for time in _times(log) for written in (f"{time:%H:%M:%S}", f"{time:%Y-%m-%d %H:%M:%S}")}


def _numbers(log: Overview) -> set[str]:
    counts = {item.pattern.count for item in log.scored} | {item.trouble.count for item in log.scored if item.trouble}
    groups = [
        [item.trouble.count for item in log.scored if item.trouble],
        [item.pattern.count for item in log.scored if item.is_warning],
        [item.pattern.count - (item.trouble.count if item.trouble else 0) for item in log.scored],
        [item.pattern.count for item in log.scored if item.is_warning or item.is_problem],
    ]
    sums = counts | {total for group in groups for total in _sums(group)}
    whole = {log.line_count, *sums, *range(len(log.scored) + 1)}
    whole |= {100 * total // log.line_count for total in sums if log.line_count}
    for item in log.scored:
        trace = item.statistics.trace
        whole |= {item.pattern.first_line, item.statistics.last_line}
        whole |= {line for line, _ in item.statistics.starts.values()}
        whole |= {trace.cause_line, trace.frame_line} if trace else set()
        whole |= {item.peak.count} if item.peak else set()
        whole |= set(range(len(item.statistics.buckets) + 1))
    texts = [number(count) for count in whole] + [str(count) for count in whole]
    return set(_NUMBER.findall(" ".join([*texts, *_durations(log, counts)])))


def _durations(log: Overview, counts: set[int]) -> set[str]:
    """What can be said of the times between any two moments, and of lines between them."""
    times = sorted(_times(log))
    spans = {later - earlier for earlier, later in product(times, times) if later >= earlier}
    width = timedelta(microseconds=1 << log.shift)
    told = {lasting(span) for span in (*spans, width, 2 * width)}
    told |= {rate for span in spans for count in counts if (rate := per_minute(count, span))}
    return told | {lasting(span / (count - 1)) for span in spans for count in counts if count > 1}


def _sums(counts: Iterable[int]) -> set[int]:
    sums = {0}
    for count in counts:
        sums |= {total + count for total in sums}
    return sums
