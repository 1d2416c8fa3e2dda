"""One round: warm up, measure under full load until drained, measure at a low even rate."""

from dataclasses import dataclass

from measuring import cpu, outcome, wrk
from measuring.outcome import Outcome
from measuring.wrk import Accepted
from sides.side import Running, Side


@dataclass(frozen=True, slots=True)
class Plan:
    """How hard and how long, in seconds; ``rate`` is tickets per second in the paced part."""

    clients: int
    warm_up: float
    seconds: float
    rate: float
    paced_seconds: float


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
        wrk.run(running.target, f"{label}warm", clients=plan.clients, seconds=plan.warm_up)
        outcome.drain(running.table, f"{label}warm")
        before = cpu.read(running.processes)
        accepted = wrk.run(running.target, f"{label}load", clients=plan.clients, seconds=plan.seconds)
        outcome.drain(running.table, f"{label}load")
        after = cpu.read(running.processes)
        loaded = outcome.read(running.table, f"{label}load")
        paced = _paced(running, f"{label}paced", plan)
    return Round(
        side=side.name,
        accepted=accepted,
        loaded=loaded,
        paced=paced,
        cpu=cpu.per_thousand(before, after, loaded.completed),
        others_percent=cpu.others_percent(before, after),
    )


def _paced(running: Running, label: str, plan: Plan) -> Outcome:
    wrk.run(running.target, label, clients=plan.clients, seconds=plan.paced_seconds, rate=plan.rate)
    outcome.drain(running.table, label)
    return outcome.read(running.table, label)
