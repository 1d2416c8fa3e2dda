"""What is said about a log: like a colleague who has read it."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from aiops_contracts.summarizer import LogSnapshot
from aiops_summarizer.domain import Engine, JobState, LogEntry, LogSummary, Provenance, Severity
from aiops_summarizer.engine import digest
from support.incidents import ALL, slow_dependency

_QUIET = [f"2024-05-01 10:00:{second:02d} INFO [main] app.Web - request {second} done" for second in range(60)]
_LATER = datetime(2024, 6, 1, tzinfo=UTC)


def _said(log: list[str]) -> list[str]:
    found = digest(log, reference=_LATER)
    return [found.headline, *found.text.split("\n")]


def test_an_incident_is_told_in_order() -> None:
    log = [
        *_QUIET[:20],
        "2024-05-01 10:00:20 WARN [main] app.Pool - pool is at 19 of 20",
        *(
            f"2024-05-01 10:00:{second} ERROR [main] app.Db - connection refused by 10.0.0.7"
            for second in range(21, 30)
        ),
        "2024-05-01 10:00:30 FATAL [main] app.Web - giving up",
    ]
    assert digest(log).severity is Severity.CRITICAL
    assert _said(log) == [
        "FATAL: “giving up” once at 10:00:30 (line 31), after “connection refused by <*>” 9 times since 10:00:21 "
        "(line 22)",
        "31 lines in 4 patterns, from 2024-05-01 10:00:00 to 10:00:30 UTC.",
        "Trouble begins with “connection refused by <*>” at 10:00:21 (line 22), 9 times within 8 seconds, mostly with "
        "“10.0.0.7”. Before that, “pool is at 19 of 20” warned once at 10:00:20 (line 21). Then comes “giving up” at "
        "10:00:30 (line 31), once. The last of it is at 10:00:30 (line 31): it goes on until the log ends.",
        "“request <*> done”, logged 20 times until then, stops at 10:00:19 (line 20).",
        "20 of 31 lines (64 %) are routine, mostly “request <*> done”, 20 times.",
    ]


def test_the_timeline_is_in_order_and_has_lines() -> None:
    told = [(moment.time, moment.line, moment.text) for moment in digest(slow_dependency()).timeline]
    assert [(time.strftime("%H:%M:%S") if time else "", line, text) for time, line, text in told] == [
        ("14:16:41", 1160, "first warning: “pricing answered after <*> ms”"),
        ("14:17:40", 1250, "first error: “request to <*>:<*> timed out after <*> ms, attempt <*>”"),
        ("14:18:42", 1370, "“circuit breaker for pricing is open, answering from cache”"),
        ("14:24:59", 2017, "the last of it"),
    ]


def test_routine_trouble_and_the_rest_add_up() -> None:
    for build in ALL.values():
        found = digest(build(), reference=_LATER)
        assert 0 <= found.routine_lines <= found.line_count
        assert 0 < found.told_lines <= found.line_count


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("2024-05-01 10:01:00 INFO [main] app.Web - request 61 done", Severity.LOW),
        ("2024-05-01 10:01:00 ERROR [main] app.Web - request 61 failed", Severity.HIGH),
        ("2024-05-01 10:01:00 FATAL [main] app.Web - request 61 failed", Severity.CRITICAL),
        ("2024-05-01 10:01:00 ERROR [main] app.Web - Out of memory", Severity.CRITICAL),
    ],
)
def test_severity_of_a_whole_log(line: str, severity: Severity) -> None:
    assert digest([*_QUIET, line]).severity is severity


def test_one_error_in_a_thousand_lines_is_medium() -> None:
    assert digest([*_QUIET * 20, "2024-05-01 10:01:00 ERROR [main] app.Web - odd"]).severity is Severity.MEDIUM


def test_many_warnings_are_medium() -> None:
    log = [*_QUIET, *["2024-05-01 10:01:00 WARN [main] app.Web - slow"] * 10]
    found = digest(log)
    assert found.severity is Severity.MEDIUM
    assert "No errors were logged, but warnings were: “slow”, 10 times since 10:01:00 (line 61)." in found.text


def test_a_burst_is_told() -> None:
    steady = [f"2024-05-01 10:{minute:02d}:00 ERROR [main] app.Db - refused" for minute in range(60)]
    burst = ["2024-05-01 10:30:30 ERROR [main] app.Db - refused"] * 40
    found = digest([*steady[:31], *burst, *steady[31:]])
    assert "“refused” peaks at 10:30:" in found.text
    assert "40 of its 100 lines fall within 34 seconds." in found.text


def test_a_long_silence_is_told() -> None:
    late = [line.replace("10:00:", "10:20:") for line in _QUIET]
    text = digest([*_QUIET, *late]).text
    assert "From 10:01:" in text
    assert "nothing was logged at all." in text


def test_what_is_new_since_the_trouble_began_is_told() -> None:
    log = [
        *_QUIET[:30],
        "2024-05-01 10:00:30 ERROR [main] app.Db - primary lost",
        *(f"2024-05-01 10:00:{second} INFO [main] app.Db - reading from the copy" for second in range(31, 60)),
    ]
    assert "“reading from the copy” is new: 29 times from 10:00:31 on (line 32)." in digest(log).text


def test_a_change_after_the_trouble_is_told() -> None:
    log = [
        *_QUIET[:20],
        *(f"2024-05-01 10:00:{second} ERROR [main] app.Db - refused" for second in range(20, 30)),
        "2024-05-01 10:00:30 INFO [main] app.Db - restarted by operator",
        *_QUIET[31:],
    ]
    assert "Shortly after it, “restarted by operator” was logged at 10:00:30 (line 31)." in digest(log).text


def test_without_times_trouble_is_told_by_lines() -> None:
    log = ["all good", "error: lost", "all good", "error: lost", *["all good"] * 5]
    assert "Trouble begins with “error: lost” (line 2), twice until line 4." in digest(log).text


def test_an_empty_log_has_no_lines() -> None:
    found = digest([])
    assert (found.headline, found.text, found.severity) == ("Empty log", "The log has no lines.", Severity.LOW)
    assert (found.patterns, found.line_count, found.first_seen) == ((), 0, None)


def test_a_log_entry_is_what_the_contract_publishes() -> None:
    found = digest(_QUIET)
    now = datetime(2024, 5, 1, tzinfo=UTC)
    summary = LogSummary(
        headline=found.headline,
        text=found.text,
        severity=found.severity,
        first_seen=found.first_seen,
        last_seen=found.last_seen,
        patterns=found.patterns,
        pattern_count=found.pattern_count,
        redactions=0,
        provenance=Provenance(engine=Engine.BUILTIN, duration_ms=7),
    )
    entry = LogEntry(
        id=UUID(int=7),
        version=1,
        source="web",
        content="\n".join(_QUIET),
        line_count=60,
        byte_count=3000,
        state=JobState.SUCCEEDED,
        created_at=now,
        updated_at=now,
        summary=summary,
    )
    snapshot = LogSnapshot.model_validate(entry)
    assert snapshot.summary is not None
    assert snapshot.summary.patterns[0].template == "request <*> done"
    assert snapshot.summary.patterns[0].count == 60
