"""How two logs differ: what is new, gone, more or less frequent, and nothing that may be chance."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiops_summarizer.engine import contrast, scan
from aiops_summarizer.engine.comparison import ChangeKind, Differences, differences
from aiops_summarizer.engine.overview import survey
from support.incidents import ALL

_START = datetime(2024, 5, 1, 10, tzinfo=UTC)


def _log(minutes: int, rates: dict[str, float], seed: int) -> list[str]:
    """Lines at random times; ``rates``: message → lines a minute."""
    random = Random(seed)
    rows = [
        (random.uniform(0, 60 * minutes), message)
        for message, rate in rates.items()
        for _ in range(round(rate * minutes))
    ]
    return [f"{_START + timedelta(seconds=at):%Y-%m-%d %H:%M:%S} {message}" for at, message in sorted(rows)]


def _compared(old: list[str], new: list[str]) -> Differences:
    return differences(survey(scan(old)), survey(scan(new)))


def _changes(found: Differences) -> set[tuple[ChangeKind, str]]:
    return {(change.kind, change.template) for change in found.changes}


_USUAL = {"INFO request served": 60.0, "INFO cache refreshed": 2.0, "WARN answer was slow": 6.0}


def test_what_is_new_gone_more_and_less_frequent() -> None:
    old = _log(30, {**_USUAL, "ERROR mail refused": 1.0, "INFO job done": 20.0}, seed=1)
    new = _log(10, {**_USUAL, "ERROR disk full": 0.1, "WARN answer was slow": 60.0, "INFO job done": 2.0}, seed=2)
    found = _compared(old, new)
    assert found.is_per_time
    assert _changes(found) == {
        (ChangeKind.NEW, "disk full"),
        (ChangeKind.GONE, "mail refused"),
        (ChangeKind.MORE, "answer was slow"),
        (ChangeKind.LESS, "job done"),
    }
    ratio = next(change.ratio for change in found.changes if change.kind is ChangeKind.MORE)
    assert ratio == pytest.approx(10, rel=0.1)


def test_a_longer_log_of_the_same_rates_is_no_change() -> None:
    assert not _compared(_log(10, _USUAL, seed=1), _log(60, _USUAL, seed=2)).changes


def test_without_times_frequencies_are_per_line() -> None:
    old = ["request served"] * 900 + ["answer was slow"] * 100
    new = ["request served"] * 300 + ["answer was slow"] * 300
    found = _compared(old, new)
    assert not found.is_per_time
    assert [change.template for change in found.changes] == ["answer was slow"]
    assert found.changes[0].ratio == pytest.approx(5)


def test_a_few_lines_more_may_be_chance() -> None:
    old, new = _log(30, {**_USUAL, "ERROR lost": 0.1}, seed=1), _log(30, {**_USUAL, "ERROR lost": 0.24}, seed=2)
    assert not _compared(old, new).changes


def test_what_comes_in_bursts_has_to_differ_by_more() -> None:
    """Ten bursts of twenty lines are ten events, not two hundred."""
    burst = [f"{_START + timedelta(minutes=6 * n):%Y-%m-%d %H:%M:%S} INFO batch item" for n in range(10)] * 20
    steady = _log(60, {"INFO batch item": 200 / 60}, seed=1)
    three = _log(60, {"INFO batch item": 500 / 60}, seed=2)
    base = _log(60, _USUAL, seed=3)
    assert _compared(base + steady, base + three).changes
    assert not _compared(base + sorted(burst), base + sorted(burst[:80])).changes


def test_errors_among_routine_of_the_same_form_are_compared_apart() -> None:
    old = _log(30, {"INFO GET /a took 5 ms": 60}, seed=1)
    new = _log(30, {"INFO GET /a took 5 ms": 30, "ERROR GET /a took 9 ms": 30}, seed=2)
    assert [(change.kind, change.side.level.value) for change in _compared(old, new).changes] == [
        (ChangeKind.NEW, "ERROR"),
        (ChangeKind.LESS, "INFO"),
    ]


def test_templates_are_generalised_over_both_logs() -> None:
    old = [f"volume of {name} attached" for name in ("ann", "bob")]
    new = [f"volume of {name} attached" for name in ("cid", "dan", "eve", "fay", "gil", "hal")]
    assert not _compared(old * 3, new).changes


@pytest.mark.parametrize("name", ALL)
def test_a_log_does_not_differ_from_itself(name: str) -> None:
    log = ALL[name]()
    found = _compared(log, log)
    assert contrast.headline(found) == "Nothing changed"
    assert not found.changes


def test_an_empty_log_cannot_be_compared() -> None:
    found = _compared([], ["a"])
    assert (contrast.headline(found), contrast.text(found)) == ("Nothing to compare", "The old log has no lines.")


def test_the_difference_is_told() -> None:
    log = ALL["slow_dependency"]()
    found = _compared(log[:1100], log[1100:])
    first = "ERROR “request to <*>:<*> timed out after <*> ms, attempt <*>”, 245 times since 14:17:40 (line 150)"
    second = "WARN “pricing answered after <*> ms”, 37 times since 14:16:41 (line 60)"
    third = "ERROR “circuit breaker for pricing is open, answering from cache”, once at 14:18:42 (line 270)"
    assert contrast.headline(found) == f"3 new; above all new: {first}"
    assert contrast.text(found).split("\n") == [
        "The old log has 1100 lines in 16 minutes, the new one 1263 lines in 14 minutes; frequencies are per time.",
        f"New: {first}; {second}; {third}.",
        "2 other patterns, 77 % of the new lines, come about as often as before.",
    ]


_LINES = st.lists(
    st.builds(
        lambda second, message: f"2024-05-01 10:00:{second:02d} {message}",
        st.integers(0, 59),
        st.sampled_from(["INFO up", "INFO down", "ERROR lost", "WARN slow", "FATAL end"]),
    ),
    max_size=80,
)


@given(_LINES, _LINES)
@settings(max_examples=60)
def test_the_reverse_comparison_says_the_reverse(old: list[str], new: list[str]) -> None:
    opposite = {
        ChangeKind.NEW: ChangeKind.GONE,
        ChangeKind.GONE: ChangeKind.NEW,
        ChangeKind.MORE: ChangeKind.LESS,
        ChangeKind.LESS: ChangeKind.MORE,
    }
    there, back = _compared(old, new), _compared(new, old)
    assert _changes(there) == {(opposite[kind], template) for kind, template in _changes(back)}
