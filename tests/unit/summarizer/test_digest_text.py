"""What is said about a log: like a colleague who has read it."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from aiops_contracts.summarizer import LogSnapshot
from aiops_summarizer.domain import Engine, JobState, LogEntry, LogSummary, Provenance, Severity
from aiops_summarizer.engine import digest

_QUIET = [f"2024-05-01 10:00:{second:02d} INFO [main] app.Web - request {second} done" for second in range(60)]


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
    found = digest(log)
    assert found.severity is Severity.CRITICAL
    assert found.headline == "FATAL: “giving up”, once, first at line 31"
    assert found.text == (
        "31 lines in 4 patterns, from 2024-05-01 10:00:00 to 10:00:30 UTC. "
        "The first trouble is “connection refused by <*>” at line 22 at 10:00:21; "
        "it comes 9 times, the last time at 10:00:29. "
        "Then comes “giving up”, once at 10:00:30, first at line 31. "
        "Warnings were logged, too: “pool is at 19 of 20”, once, first at line 21. "
        "“request <*> done”, logged 20 times before, stops at 10:00:19. "
        "20 of 31 lines (64 %) are routine, mostly “request <*> done”, 20 times."
    )


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
    assert "No errors were logged, but warnings were: “slow”, 10 times, first at line 61." in found.text


def test_a_burst_is_told() -> None:
    burst = ["2024-05-01 10:00:30 ERROR [main] app.Db - refused"] * 20
    found = digest([*_QUIET[:30], *burst, *_QUIET[30:]])
    assert "“refused” peaks at 10:00:30: all of its 20 lines fall within 1 second." in found.text


def test_an_empty_log_has_no_lines() -> None:
    found = digest([])
    assert (found.headline, found.text, found.severity) == ("Empty log", "The log has no lines.", Severity.LOW)
    assert (found.patterns, found.line_count, found.first_seen) == ((), 0, None)


def test_without_times_lines_are_still_told() -> None:
    found = digest(["all good", "error: no such host", "all good"])
    assert found.headline == "ERROR: “error: no such host”, once, first at line 2"
    assert "The first trouble is “error: no such host” at line 2; it comes once." in found.text


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
