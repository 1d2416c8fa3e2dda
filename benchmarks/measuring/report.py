"""The table at the end, and the same as JSON."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from measuring.rounds import Plan, Round

Pair = tuple[Round, Round]
"""Our round and the peer's."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One row; ``better`` tells in which direction it is compared, None where it is not."""

    name: str
    of: Callable[[Round], float]
    better: Literal["more", "less"] | None


FIGURES = (
    Figure("accepted/s", lambda one: one.accepted.per_second, "more"),
    Figure("completed/s", lambda one: one.loaded.per_second, "more"),
    Figure("under load: answer p50 ms", lambda one: one.accepted.p50_ms, "less"),
    Figure("under load: answer p99 ms", lambda one: one.accepted.p99_ms, "less"),
    Figure("under load: visible p50 ms", lambda one: one.loaded.percentile_ms(50), "less"),
    Figure("under load: visible p99 ms", lambda one: one.loaded.percentile_ms(99), "less"),
    Figure("paced: completed/s", lambda one: one.paced.per_second, None),
    Figure("paced: visible p50 ms", lambda one: one.paced.percentile_ms(50), "less"),
    Figure("paced: visible p99 ms", lambda one: one.paced.percentile_ms(99), "less"),
    Figure("CPU s per 1,000, all processes", lambda one: sum(one.cpu.values()), "less"),
    Figure("not completed", lambda one: one.loaded.failed + one.paced.failed, None),
    Figure("% of the machine used by others", lambda one: one.others_percent, None),
)


def ratios(pairs: Sequence[Pair], figure: Figure) -> list[float]:
    """For each pair how many times better ours is; below 1 the peer is better. Empty where nothing is compared."""
    values = [(figure.of(ours), figure.of(peer)) for ours, peer in pairs]
    if figure.better is None or not all(ours and peer for ours, peer in values):
        return []
    return [ours / peer if figure.better == "more" else peer / ours for ours, peer in values]


def show(pairs: Sequence[Pair], console: Console) -> None:
    """Print one column per round, then how many times better ours is: for each pair, and their median."""
    table = Table(box=None, header_style="bold")
    table.add_column("", no_wrap=True)
    for number in range(1, len(pairs) + 1):
        table.add_column(f"ours {number}", justify="right", no_wrap=True)
        table.add_column(f"peer {number}", justify="right", no_wrap=True)
    table.add_column("ours better by", justify="right", no_wrap=True)
    table.add_column("median", justify="right", style="bold", no_wrap=True)
    for figure in FIGURES:
        values = [_number(figure.of(one)) for pair in pairs for one in pair]
        found = ratios(pairs, figure)
        table.add_row(
            figure.name, *values, " ".join(f"{one:.2f}" for one in found), f"{median(found):.2f}×" if found else ""
        )
    for process in _processes(pairs):
        values = [f"{one.cpu[process]:.2f}" if process in one.cpu else "–" for pair in pairs for one in pair]
        table.add_row(f"CPU s per 1,000: {process}", *values, "", "")
    console.print(table)


def write_json(pairs: Sequence[Pair], plan: Plan, file: Path, *, tracing: Mapping[str, object] | None = None) -> None:
    """Everything that the table shows, unrounded, and what tracing costs."""
    medians = {figure.name: median(found) for figure in FIGURES if (found := ratios(pairs, figure))}
    rounds = [_figures(one) for pair in pairs for one in pair]
    told = {"plan": asdict(plan), "rounds": rounds, "median_ratios": medians, "tracing": tracing or {}}
    file.write_text(json.dumps(told, indent=2) + "\n")


def _figures(one: Round) -> dict[str, Any]:
    figures = {figure.name: figure.of(one) for figure in FIGURES}
    return {"side": one.side, **figures, "cpu_seconds_per_1000": one.cpu}


def _processes(pairs: Sequence[Pair]) -> list[str]:
    return list(dict.fromkeys(process for pair in pairs for one in pair for process in one.cpu))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
