"""The arithmetic behind what tracing costs."""

from collections.abc import Mapping
from io import StringIO

import pytest
from rich.console import Console

from measuring.outcome import Outcome
from measuring.overhead import EVERY, UNTRACED, as_json, cost, show
from measuring.rounds import Loaded, Spans
from measuring.wrk import Accepted


def loaded(per_second: int, cpu: float, others: float = 0) -> Loaded:
    return Loaded(
        accepted=Accepted(per_second * 10, seconds=10, p50_ms=1, p99_ms=2),
        outcome=Outcome(per_second * 10, failed=0, seconds=10, latencies_ms=[1.0, 2.0]),
        cpu={"gateway": cpu / 2, "postgres": cpu / 2},
        others_percent=others,
        spans=Spans(sent=per_second * 100, lost=0),
    )


def turn(untraced: tuple[int, float], every: tuple[int, float], some: tuple[int, float]) -> Mapping[str, Loaded]:
    names = (UNTRACED, *(traced.name for traced in EVERY))
    return {name: loaded(*figures) for name, figures in zip(names, (untraced, every, some), strict=True)}


TURNS = [
    turn((100, 2.0), (90, 2.2), (99, 2.02)),
    turn((200, 2.0), (160, 2.4), (202, 2.0)),
    turn((100, 2.0), (95, 2.2), (98, 2.04)),
]


def test_each_turn_is_compared_with_its_own_untraced_measurement() -> None:
    all_traces, some = (cost(TURNS, traced) for traced in EVERY)
    assert all_traces.completed == pytest.approx([10, 20, 5])
    assert [all_traces.completed_median, all_traces.cpu_median] == pytest.approx([10, 10])
    assert some.completed == pytest.approx([1, -1, 2])


def test_a_turn_that_others_disturbed_counts_only_where_there_is_no_other() -> None:
    disturbed = {**TURNS[1], UNTRACED: loaded(200, 2.0, others=30)}
    assert cost([TURNS[0], disturbed], EVERY[0]).completed == pytest.approx([10])
    only = cost([disturbed], EVERY[0])
    assert (len(only.completed), only.is_calm) == (1, False)


def test_the_verdict_stands_below_the_table() -> None:
    out = StringIO()
    show(TURNS, Console(file=out, width=200))
    assert "Tracing 100 %: 10.0 % of completed/s (+10.0 +20.0 +5.0), within the target of 15 %" in out.getvalue()
    out = StringIO()
    show([turn((100, 2.0), (80, 2.2), (99, 2.0))], Console(file=out, width=200))
    assert "above the target of 15 %" in out.getvalue()


def test_json_holds_every_turn() -> None:
    assert as_json(TURNS)["1 %"] == {
        "target_percent": 3.0,
        "completed_percent": pytest.approx([1, -1, 2]),
        "cpu_percent": pytest.approx([1, 0, 2]),
        "untraced_per_second": [100, 200, 100],
    }


def test_the_targets_are_those_that_were_set() -> None:
    assert [(traced.share, traced.most_percent) for traced in EVERY] == [(1.0, 15.0), (0.01, 3.0)]
