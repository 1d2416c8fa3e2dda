"""One round: warm up, measure under full load until drained, measure at a low even rate."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.request import urlopen

import psycopg

from measuring import cpu, outcome, wrk
from measuring.outcome import Outcome
from measuring.wrk import Accepted
from sides.side import Running, Side

_SPANS = re.compile(
    r'^aiops_spans_exported_total\{exporter="\w+",outcome="(sent|dropped|failed)"\} (\S+)$', re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How hard and how long, in seconds; ``rate`` is tickets per second in the paced part."""

    clients: int
    warm_up: float
    seconds: float
    rate: float
    paced_seconds: float


@dataclass(frozen=True, slots=True)
class Spans:
    """What became of the spans that ended, as the processes count them."""

    sent: int
    lost: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one side did under full load.

    ``cpu`` is seconds per 1,000 completed messages, by process; ``others_percent`` the share of the machine that went
    elsewhere meanwhile.
    """

    accepted: Accepted
    outcome: Outcome
    cpu: cpu.Usage
    others_percent: float
    spans: Spans


@dataclass(frozen=True, slots=True)
class Round:
    """What one side did in one pair.

    ``cpu`` is seconds per 1,000 completed messages under load, by process; ``others_percent`` the share of the
    machine that went elsewhere meanwhile.
    """

    side: str
    accepted: Accepted
    loaded: Outcome
    paced: Outcome
    cpu: cpu.Usage
    others_percent: float


def measure(side: Side, pair: int, plan: Plan) -> Round:
    """Start ``side``, measure it, end it."""
    label = f"{side.name}{pair}"
    with side.running() as running:
        loaded = _loaded(running, label, plan)
        paced = _paced(running, f"{label}paced", plan)
    return Round(
        side=side.name,
        accepted=loaded.accepted,
        loaded=loaded.outcome,
        paced=paced,
        cpu=loaded.cpu,
        others_percent=loaded.others_percent,
    )


def measure_loaded(side: Side, label: str, plan: Plan) -> Loaded:
    """Start ``side``, measure it under full load only, end it."""
    with side.running() as running:
        return _loaded(running, label, plan)


def _loaded(running: Running, label: str, plan: Plan) -> Loaded:
    wrk.run(running.target, f"{label}warm", clients=plan.clients, seconds=plan.warm_up)
    outcome.drain(running.table, f"{label}warm")
    _clean_up(running.table)
    before, spans_before = cpu.read(running.processes), _spans(running.metrics)
    accepted = wrk.run(running.target, f"{label}load", clients=plan.clients, seconds=plan.seconds)
    outcome.drain(running.table, f"{label}load")
    after, spans_after = cpu.read(running.processes), _spans(running.metrics)
    loaded = outcome.read(running.table, f"{label}load")
    return Loaded(
        accepted=accepted,
        outcome=loaded,
        cpu=cpu.per_thousand(before, after, loaded.completed),
        others_percent=cpu.others_percent(before, after),
        spans=Spans(spans_after.sent - spans_before.sent, spans_after.lost - spans_before.lost),
    )


def _clean_up(table: outcome.Table) -> None:
    """Vacuum and analyse, so that each measurement begins with the same tidy tables and pays for nobody else's."""
    with psycopg.connect(table.url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


def _spans(metrics: Iterable[str]) -> Spans:
    counts = {"sent": 0, "dropped": 0, "failed": 0}
    for url in metrics:
        with urlopen(url, timeout=30) as answer:
            text = answer.read().decode()
        for outcome_name, count in _SPANS.findall(text):
            counts[outcome_name] += int(float(count))
    return Spans(counts["sent"], counts["dropped"] + counts["failed"])


def _paced(running: Running, label: str, plan: Plan) -> Outcome:
    wrk.run(running.target, label, clients=plan.clients, seconds=plan.paced_seconds, rate=plan.rate)
    outcome.drain(running.table, label)
    return outcome.read(running.table, label)
