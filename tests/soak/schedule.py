"""What is done to which part and when: decided by a seed before anything runs."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

POSTGRES, RABBITMQ = "postgres", "rabbitmq"
SERVICE_PARTS = ("auth", "summarizer", "triage", "triage-2", "changelog", "gateway", "gateway-2")
"""The processes of the services; NAME-2 is a replica of NAME."""
PARTS = (*SERVICE_PARTS, RABBITMQ, POSTGRES)

QUIET_START_SECONDS = 5.0
QUIET_END_SECONDS = 30.0
_BETWEEN_SECONDS = (3.0, 9.0)
_TWO_AT_ONCE = 0.25
_LONGEST_AWAY_SECONDS = 15.0
# How long a part is left alone after its time away: starting is part of it.
_RECOVERY_SECONDS = {RABBITMQ: 20.0, POSTGRES: 12.0}
_SERVICE_RECOVERY_SECONDS = 8.0


class Action(StrEnum):
    """How a part is taken away. What is frozen goes on where it was; the others are started anew."""

    KILL = "SIGKILL"
    STOP = "SIGTERM"
    FREEZE = "SIGSTOP"


@dataclass(frozen=True, slots=True)
class Strike:
    """``at`` seconds after the load began, ``part`` is taken away for ``away`` seconds."""

    at: float
    part: str
    action: Action
    away: float


def plan(seed: int, seconds: float) -> list[Strike]:
    """Strikes for a load of ``seconds``, in order. The same seed and length give the same strikes.

    None begins in the first 5 s, and everything is told to come back 30 s before the end. A part is not struck again
    before it had time to come back.
    """
    chance = random.Random(seed)
    end = seconds - QUIET_END_SECONDS
    free_at = dict.fromkeys(PARTS, 0.0)
    strikes: list[Strike] = []
    at = QUIET_START_SECONDS + chance.uniform(0, _BETWEEN_SECONDS[0])
    while at < end:
        count = 2 if chance.random() < _TWO_AT_ONCE else 1
        for part in _choose(chance, free_at, at, count):
            strike = _strike(chance, part, at, end)
            free_at[part] = at + strike.away + _RECOVERY_SECONDS.get(part, _SERVICE_RECOVERY_SECONDS)
            strikes.append(strike)
        at += chance.uniform(*_BETWEEN_SECONDS)
    return strikes


def _choose(chance: random.Random, free_at: Mapping[str, float], at: float, count: int) -> list[str]:
    free = [part for part in PARTS if free_at[part] <= at]
    return chance.sample(free, min(count, len(free)))


def _strike(chance: random.Random, part: str, at: float, end: float) -> Strike:
    action = chance.choice(list(Action))
    # Frozen for no time at all would be nothing; killed and started at once is a case of its own.
    away = chance.uniform(2.0 if action is Action.FREEZE else 0.0, _LONGEST_AWAY_SECONDS)
    return Strike(round(at, 1), part, action, round(min(away, end - at), 1))
