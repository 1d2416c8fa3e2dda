"""What a dashboard is made of, in the words of those who read it; ``rendering`` makes Grafana's JSON of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["timeseries", "stat", "table", "heatmap", "state-timeline"]


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression, and how Grafana names each of its series: ``{{label}}`` stands for a label's value.

    In a table ``legend`` is the title of the column, and ``unit`` that column's unit.
    """

    expr: str
    legend: str
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One question with its answer.

    ``description`` says what a bad value means, ``runbook`` under which heading of docs/runbook.md (as an anchor) it
    says what to do then. ``unit`` is one of Grafana's: s, ops, percentunit, bytes, short. From ``warn`` on a value is
    orange, from ``bad`` on red. ``names`` are words for numbers (0 is "closed"). ``board`` is the uid of the dashboard
    that shows more.
    """

    title: str
    description: str
    runbook: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: Kind = "timeseries"
    warn: float | None = None
    bad: float | None = None
    stacked: bool = False
    names: Mapping[int, str] = field(default_factory=dict)
    board: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side, as wide as each other, below a heading; ``height`` is in Grafana's rows of 30 pixels."""

    title: str
    panels: tuple[Panel, ...]
    height: int = 8


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page; ``question`` is what somebody on call asks of it."""

    uid: str
    title: str
    question: str
    rows: tuple[Row, ...]
