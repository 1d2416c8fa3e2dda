"""Formats: what is taken from a line of each as time, level and message."""

from datetime import UTC, datetime

import pytest

from aiops_summarizer.domain import LogLevel
from aiops_summarizer.engine import digest
from aiops_summarizer.engine.reader import Reader
from aiops_summarizer.engine.timestamps import to_datetime

_REFERENCE = datetime(2024, 6, 1, tzinfo=UTC)
_TEN = datetime(2024, 5, 1, 10, 0, 1, tzinfo=UTC)
_HALF = _TEN.replace(microsecond=500_000)

_CASES = [
    ('{"time":"2024-05-01T10:00:01.5Z","level":"error","msg":"disk full"}', _HALF, LogLevel.ERROR, "disk full"),
    ('{"ts":1714557601.5,"level":50,"message":"disk full"}', _HALF, LogLevel.ERROR, "disk full"),
    ('time=2024-05-01T12:00:01+02:00 level=warn msg="disk \\"a\\" full"', _TEN, LogLevel.WARN, 'disk "a" full'),
    ("May  1 10:00:01 host app[77]: disk full", _TEN, None, "disk full"),
    ("<11>May  1 10:00:01 host app: disk full", _TEN, LogLevel.ERROR, "disk full"),
    (r'<165>1 2024-05-01T10:00:01.5Z host app 7 ID47 [a@1 b="\]"] disk full', _HALF, LogLevel.INFO, "disk full"),
    ("<11>1 2024-05-01T10:00:01Z host app - - - disk full", _TEN, LogLevel.ERROR, "disk full"),
    ("E0501 10:00:01.500000    17 disk.go:12] disk full", _HALF, LogLevel.ERROR, "disk full"),
    (
        '10.0.0.1 - ann [01/May/2024:12:00:01 +0200] "GET /a?b=1 HTTP/1.1" 502 17',
        _TEN,
        LogLevel.ERROR,
        "GET /a HTTP502",
    ),
    ("2024-05-01 10:00:01.500 UTC [101] ERROR:  disk full", _HALF, LogLevel.ERROR, "disk full"),
    ("2024-05-01 12:00:01 CEST [101] app@db FATAL:  disk full", _TEN, LogLevel.FATAL, "disk full"),
    ("2024-05-01 10:00:01.500000+00:00 [error] <0.222.0> disk full", _HALF, LogLevel.ERROR, "disk full"),
    ("2024-05-01 10:00:01,500 WARN  [http-1] shop.Orders - disk full", _HALF, LogLevel.WARN, "disk full"),
    ("2024-05-01 10:00:01.500 | INFO     | app.web:run:12 - disk full", _HALF, LogLevel.INFO, "disk full"),
    ("[Wed May 01 10:00:01 2024] [notice] disk full", _TEN, LogLevel.INFO, "disk full"),
    ("24/05/01 10:00:01 INFO store.DiskManager: disk full", _TEN, LogLevel.INFO, "disk full"),
    ("05-01 10:00:01.500  1702  2395 D DiskManager: disk full", _HALF, LogLevel.DEBUG, "disk full"),
    ("WARNING: disk full", None, LogLevel.WARN, "disk full"),
]


@pytest.mark.parametrize(("line", "time", "level", "message"), _CASES)
def test_a_line_gives_time_level_and_message(
    line: str, time: datetime | None, level: LogLevel | None, message: str
) -> None:
    parsed = Reader([line], _REFERENCE).parse(line)
    assert parsed is not None
    assert (to_datetime(parsed[0]), parsed[1], parsed[2]) == (time, level, message)


def test_a_date_without_year_is_the_last_before_the_reference() -> None:
    lines = ["Dec 31 23:59:59 host app: a", "Jan  1 00:00:00 host app: b"]
    found = digest(lines, reference=datetime(2024, 1, 2, tzinfo=UTC))
    assert found.first_seen == datetime(2023, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert found.last_seen == datetime(2024, 1, 1, tzinfo=UTC)


def test_a_container_runtime_s_lines_are_unwrapped() -> None:
    found = digest(
        [
            '2024-05-01T10:00:00.000000001Z stdout F {"level":"info","msg":"up"}',
            '2024-05-01T10:00:01.000000001Z stderr F {"level":"error","msg":"disk full"}',
            "2024-05-01T10:00:02.000000001Z stderr F panic: no disk",
            "2024-05-01T10:00:02.000000001Z stderr F goroutine 1 [running]:",
        ]
    )
    assert {(pattern.template, pattern.level) for pattern in found.patterns} == {
        ("up", LogLevel.INFO),
        ("disk full", LogLevel.ERROR),
        ("panic: no disk", LogLevel.FATAL),
        ("(continuation)", LogLevel.UNKNOWN),
    }
    assert found.last_seen == datetime(2024, 5, 1, 10, 0, 2, tzinfo=UTC)


def test_formats_may_be_mixed() -> None:
    lines = [
        "2024-05-01 10:00:01,500 WARN  [http-1] shop.Orders - slow",
        '{"time":"2024-05-01T10:00:02Z","level":"info","msg":"ok"}',
    ] * 10
    assert {pattern.template for pattern in digest(lines).patterns} == {"slow", "ok"}


def test_a_component_that_is_a_plain_word_stays_in_the_message() -> None:
    found = digest(["2024-05-01 10:00:00 INFO db: lost", "2024-05-01 10:00:01 INFO cache: lost"])
    assert {pattern.template for pattern in found.patterns} == {"db: lost", "cache: lost"}


_TRACE = [
    "2024-05-01 10:00:00 INFO [main] shop.App - up",
    "2024-05-01 10:00:01 ERROR [main] shop.Orders - order 17 failed",
    "java.lang.IllegalStateException: no stock",
    "\tat shop.Orders.place(Orders.java:17)",
    "Caused by: java.sql.SQLException: Connection refused",
    "\t... 2 more",
    "2024-05-01 10:00:02 INFO [main] shop.App - up",
]


def test_a_stack_trace_is_joined_and_its_lines_are_counted_apart() -> None:
    found = digest(_TRACE)
    counts = {pattern.template: pattern.count for pattern in found.patterns}
    assert counts == {"up": 2, "order <*> failed": 1, "(continuation)": 4}
    assert "“java.sql.SQLException: Connection refused” (line 5)" in found.text


def test_a_traceback_without_any_header_is_one_entry() -> None:
    lines = ["Traceback (most recent call last):", '  File "a.py", line 7, in f', "    g()", "ValueError: bad input"]
    found = digest(lines)
    counts = {pattern.template: pattern.count for pattern in found.patterns}
    assert counts == {"Traceback (most recent call last):": 1, "(continuation)": 3}
    assert "“ValueError: bad input” (line 4)" in found.text


def test_the_lines_of_a_key_are_not_shown() -> None:
    key = ["-----BEGIN EC PRIVATE KEY-----", "MHcCAQEEIIo", "AoGCCqGSM49", "-----END EC PRIVATE KEY-----"]
    found = digest(["loading", *key, "done"])
    counts = {pattern.template: pattern.count for pattern in found.patterns}
    assert counts == {"loading": 1, key[0]: 1, "(continuation)": 3, "done": 1}
    assert "MHcCAQEEIIo" not in repr(found)


def test_a_crash_without_header_is_a_line_of_its_own() -> None:
    found = digest([*_TRACE, "panic: out of memory"])
    assert found.patterns[0].template == "panic: out of memory"
    assert found.severity == "CRITICAL"
