"""The arithmetic behind the table: ratios, percentiles, CPU per message."""

import json
import math
from io import StringIO
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from measuring import cpu
from measuring.outcome import Outcome
from measuring.report import FIGURES, ratios, show, write_json
from measuring.rounds import Plan, Round
from measuring.wrk import Accepted


def outcome(completed: int = 100, latencies: list[float] | None = None) -> Outcome:
    return Outcome(completed, failed=0, seconds=10, latencies_ms=latencies or [1.0, 2.0, 3.0])


def one_round(side: str, *, accepted: int, latency: float, spent: dict[str, float]) -> Round:
    return Round(
        side=side,
        accepted=Accepted(accepted, seconds=10, p50_ms=latency, p99_ms=latency),
        loaded=outcome(),
        paced=outcome(),
        cpu=spent,
        others_percent=0,
    )


PAIR = (
    one_round("ours", accepted=300, latency=5, spent={"gateway": 1.0, "postgres": 1.0}),
    one_round("peer", accepted=100, latency=10, spent={"peer-web": 3.0, "postgres": 1.0}),
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accepted/s", 3.0),  # more is better: ours / peer
        ("under load: answer p99 ms", 2.0),  # less is better: peer / ours
        ("CPU s per 1,000, all processes", 2.0),
    ],
)
def test_a_ratio_above_one_means_that_ours_is_better(name: str, expected: float) -> None:
    assert ratios([PAIR], next(one for one in FIGURES if one.name == name)) == [expected]


def test_what_is_not_compared_has_no_ratio() -> None:
    assert ratios([PAIR], next(one for one in FIGURES if one.better is None)) == []


@pytest.mark.parametrize(("percent", "expected"), [(0, 1.0), (50, 51.0), (99, 100.0), (100, 100.0)])
def test_a_percentile_is_a_latency_that_was_measured(percent: float, expected: float) -> None:
    assert outcome(latencies=[float(ms) for ms in range(1, 101)]).percentile_ms(percent) == expected


def test_the_table_shows_processes_of_one_side_as_missing_on_the_other() -> None:
    out = StringIO()
    show([PAIR], Console(file=out, width=200))
    rows = {line.split("  ")[0].strip(): line for line in out.getvalue().splitlines()}
    assert rows["CPU s per 1,000: gateway"].split()[-2:] == ["1.00", "–"]
    assert rows["CPU s per 1,000: postgres"].split()[-2:] == ["1.00", "1.00"]
    assert rows["accepted/s"].split()[-1] == "3.00×"


def test_json_holds_every_figure_of_every_round(tmp_path: Path) -> None:
    plan = Plan(clients=32, warm_up=1, seconds=1, rate=100, paced_seconds=1)
    write_json([PAIR], plan, tmp_path / "figures.json")
    told = json.loads((tmp_path / "figures.json").read_text())
    assert [one["side"] for one in told["rounds"]] == ["ours", "peer"]
    assert all(one.name in told["rounds"][0] for one in FIGURES)
    assert told["median_ratios"]["accepted/s"] == 3.0


def test_cpu_is_counted_between_two_readings() -> None:
    before = cpu.Reading({"gateway": 10.0}, machine=50.0, at=100.0)
    after = cpu.Reading({"gateway": 13.0}, machine=54.0, at=104.0)
    assert cpu.per_thousand(before, after, messages=1500) == {"gateway": 2.0}
    cores = len(psutil.cpu_times(percpu=True))
    assert math.isclose(cpu.others_percent(before, after), 100 * 1.0 / (4.0 * cores))
