"""When to try again, and when to give up."""

import random
from dataclasses import dataclass

from aiops_common.messaging.names import RETRY_RUNGS

_RUNG_SECONDS = {"5s": 5.0, "30s": 30.0, "2m": 120.0, "10m": 600.0}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a message is tried before it is dead-lettered; the waits are the rungs of the retry ladder."""

    max_attempts: int = 5

    def rung_after(self, attempt: int) -> str | None:
        """The rung on which to wait after failed attempt number ``attempt`` (from 1), None to give up."""
        if attempt >= self.max_attempts:
            return None
        return RETRY_RUNGS[min(attempt, len(RETRY_RUNGS)) - 1]


def jittered_seconds(rung: str) -> float:
    """A wait of 0.7 to 1.0 of the rung's, so that messages which failed together do not return together."""
    return _RUNG_SECONDS[rung] * random.uniform(0.7, 1.0)  # noqa: S311 -- spreading load, not a secret
