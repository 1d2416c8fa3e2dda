"""Logs that are none, or whose lines are larger than they look, cost little and are told for what they are."""

import sys
import tracemalloc
from random import Random

import pytest

from aiops_summarizer.command.cleaning import without_secrets
from aiops_summarizer.engine import digest, scan
from aiops_summarizer.engine.overview import survey
from aiops_summarizer.engine.pipeline import iter_lines
from aiops_summarizer.engine.templates import NOT_TEXT, Statistics

_HEADER = "2024-05-01 10:00:00 INFO "
_ROCKET = "\U0001f680"


def _read_as_text(data: bytes) -> list[str]:
    return list(iter_lines(data.decode("utf-8", "replace")))


def _counts(lines: list[str]) -> dict[str, int]:
    return {template: statistics.count for template, statistics in scan(lines).store.items()}


def test_random_bytes_are_one_pattern_but_for_the_shortest_lines() -> None:
    lines = _read_as_text(Random(1).randbytes(400_000))
    counts = _counts(lines)
    assert sum(counts.values()) == len(lines)
    assert counts[NOT_TEXT] > 0.95 * len(lines)


def test_a_digest_of_random_bytes_says_that_they_are_no_log() -> None:
    lines = _read_as_text(Random(2).randbytes(100_000))
    found = digest(lines)
    assert found.headline.startswith("Not a log: ")
    assert "lines are not text, and only counted." in found.text


@pytest.mark.parametrize(
    "data",
    [
        "Сервер не отвечает".encode("cp1251"),
        "ディスクがいっぱいです".encode("shift-jis"),
        "größer als größtmöglich".encode("latin-1"),
        b"\x1b[31mfailed\x1b[0m\tagain\x0c",
        "сервер \U0001f680 \u200bготов".encode(),
        b"a single \x01 in a line of text",
    ],
)
def test_text_in_a_wrong_encoding_is_text(data: bytes) -> None:
    lines = _read_as_text((_HEADER.encode() + data + b"\n") * 40)
    assert NOT_TEXT not in _counts(lines)


def test_a_message_that_says_so_is_text() -> None:
    assert _counts([NOT_TEXT, "\x00\x01\x02\x03 \x04\x05"]) == {f'"{NOT_TEXT}"': 1, NOT_TEXT: 1}


def test_a_line_after_the_zeros_that_a_crash_leaves_is_read() -> None:
    lines = [f"{_HEADER}job {n} done" for n in range(30)]
    lines[20] = "\0" * 5000 + lines[20]
    assert _counts(lines) == {"job <*> done": 30}
    assert _counts(["\0" * 50]) == {NOT_TEXT: 1}


@pytest.mark.parametrize(
    ("level", "severity", "quiet"),
    [("ERROR", "MEDIUM", "read."), ("FATAL", "MEDIUM", "read."), ("INFO", "LOW", "logged.")],
)
def test_data_that_was_logged_as_an_error_is_no_silence(level: str, severity: str, quiet: str) -> None:
    data = "\x01\x02\x03\x04 " * 9
    lines = [f"2024-05-01 10:00:{second:02} INFO up" for second in range(40)]
    found = digest([*lines, f"2024-05-01 10:00:50 {level} {data}"])
    assert found.severity == severity
    told = next(finding.text for finding in found.findings if finding.kind == "quiet")
    assert told.endswith(quiet)
    rest = next(finding.text for finding in found.findings if finding.kind == "not_text")
    assert (f": 1 at {level}." in rest) is (level != "INFO")
    assert found.headline.startswith("Nothing unusual in ")
    assert ("1 was logged as" in found.headline) is (level != "INFO")


def test_beside_warnings_as_well() -> None:
    data = "\x01\x02\x03\x04 " * 9
    found = digest(["2024-05-01 10:00:00 WARN slow", f"2024-05-01 10:00:50 ERROR {data}"])
    assert "No errors were logged in the lines that could be read, but warnings were: " in found.text


def test_one_wide_character_does_not_make_what_is_kept_wide() -> None:
    message = f"{_ROCKET} {'launch ' * 500}"
    for found in [statistics for _, statistics in scan([_HEADER + message] * 100).store.items()]:
        kept = [getattr(found, name) for name in Statistics.__slots__]
        texts = [text for text in kept if isinstance(text, str | bytes) and text != found.template]
        assert sum(map(sys.getsizeof, texts)) < 2.2 * 2048
        assert all(sys.getsizeof(text) < 300 for _, text in found.sample.kept)
        assert found.example.startswith(f"{_HEADER}{_ROCKET} launch")
        assert found.message.startswith(f"{_ROCKET} launch")


def test_redacting_many_long_patterns_holds_few_of_them_at_a_time() -> None:
    words = Random(3)
    lines = []
    for _ in range(300):
        text = " ".join("".join(words.choices("abcdefgh", k=7)) for _ in range(260))
        lines.append(f"{_HEADER}{_ROCKET} {text}")
    log = survey(scan(lines))
    tracemalloc.start()
    try:
        clean = without_secrets(log)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(clean.scored) == 300
    # What stays, a template, a line and a message of 1,000 characters each, and what a batch takes.
    assert peak < 300 * 3 * 4100 + 10_000_000


def test_placeholders_are_the_same_in_all_patterns() -> None:
    told = "told <EMAIL_2> of all@example.org and u{}@example.org"
    lines = ["; ".join(["again"] * n) + f" {told.format(n % 80)}" for n in range(1, 101)]
    scored = without_secrets(survey(scan(lines))).scored
    examples = [item.pattern.example.split() for item in sorted(scored, key=lambda item: item.pattern.first_line)]
    assert len(examples) == 100
    assert {words[-5] for words in examples} == {"<EMAIL_2>"}
    assert len({words[-3] for words in examples}) == 1
    own = [words[-1] for words in examples]
    assert own[:20] == own[80:]
    assert len(set(own)) == 80
    assert not {"<EMAIL_2>", examples[0][-3]} & set(own)
