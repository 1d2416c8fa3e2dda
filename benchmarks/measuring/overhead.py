"""What tracing costs: our services without it, at 100 % and at 1 % of traces, in turn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from measuring.rounds import Loaded

UNTRACED: Final = "none"


@dataclass(frozen=True, slots=True)
class Traced:
    """Tracing of a share of all requests, and how much of completed/s it may cost."""

    name: str
    share: float
    most_percent: float


EVERY: Final = (Traced("100 %", 1.0, 15.0), Traced("1 %", 0.01, 3.0))

CALM_PERCENT: Final = 8.0
"""How much of the machine others may use beside a measurement that counts."""

Turn = Mapping[str, Loaded]
"""One measurement of each, by name, taken one after the other."""


@dataclass(frozen=True, slots=True)
class Cost:
    """In per cent of the untraced figure, by turn: what is lost of completed/s, what is added to CPU per message."""

    completed: list[float]
    cpu: list[float]
    is_calm: bool

    @property
    def completed_median(self) -> float:
        return median(self.completed)

    @property
    def cpu_median(self) -> float:
        return median(self.cpu)


def cost(turns: Sequence[Turn], traced: Traced) -> Cost:
    """What ``traced`` costs, each turn compared with its own untraced measurement; below 0 it was the faster one.

    Turns in which other processes took the machine from either measurement do not count, unless there are no others.
    """
    pairs = [(turn[UNTRACED], turn[traced.name]) for turn in turns]
    calm = [pair for pair in pairs if max(one.others_percent for one in pair) <= CALM_PERCENT]
    return Cost(
        completed=[
            100 * (1 - with_.outcome.per_second / without.outcome.per_second) for without, with_ in calm or pairs
        ],
        cpu=[100 * (sum(with_.cpu.values()) / sum(without.cpu.values()) - 1) for without, with_ in calm or pairs],
        is_calm=bool(calm),
    )


FIGURES: Final[Mapping[str, Callable[[Loaded], float]]] = {
    "completed/s": lambda one: one.outcome.per_second,
    "visible p99 ms": lambda one: one.outcome.percentile_ms(99),
    "spans per ticket": lambda one: one.spans.sent / one.outcome.completed,
    "spans lost": lambda one: one.spans.lost,
    "% of the machine used by others": lambda one: one.others_percent,
    "CPU s per 1,000": lambda one: sum(one.cpu.values()),
}


def show(turns: Sequence[Turn], console: Console) -> None:
    """Print each figure of each turn, then what tracing costs and whether that is within the target."""
    table = Table(box=None, header_style="bold", title="What tracing costs", title_justify="left")
    processes = list(turns[0][UNTRACED].cpu)
    for heading in ("turn", "traced", *FIGURES, *processes):
        table.add_column(heading, justify="right")
    for number, turn in enumerate(turns, 1):
        for name, one in turn.items():
            told = [of(one) for of in FIGURES.values()] + [one.cpu[process] for process in processes]
            table.add_row(str(number), name, *(f"{value:,.2f}" for value in told))
    console.print(table)
    for traced in EVERY:
        console.print(_verdict(traced, cost(turns, traced)))


def _verdict(traced: Traced, found: Cost) -> str:
    each = " ".join(f"{one:+.1f}" for one in found.completed)
    if not found.is_calm:
        told = "[bold red]which says nothing[/bold red], since others used the machine"
    elif found.completed_median <= traced.most_percent:
        told = f"within the target of {traced.most_percent:.0f} %"
    else:
        told = f"[bold red]above[/bold red] the target of {traced.most_percent:.0f} %"
    return (
        f"Tracing {traced.name}: [bold]{found.completed_median:.1f} %[/bold] of completed/s ({each}), {told}; "
        f"{found.cpu_median:+.1f} % CPU per message"
    )


def as_json(turns: Sequence[Turn]) -> dict[str, object]:
    """What the table shows, unrounded."""
    return {
        traced.name: {
            "target_percent": traced.most_percent,
            "completed_percent": cost(turns, traced).completed,
            "cpu_percent": cost(turns, traced).cpu,
            "untraced_per_second": [turn[UNTRACED].outcome.per_second for turn in turns],
        }
        for traced in EVERY
    }
