"""When to try again, and when to give up."""

import random
from dataclasses import dataclass

from aiops_common.messaging.names import RETRY_RUNGS


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a message is tried before it is dead-lettered; the waits are the rungs of the retry ladder."""

    max_attempts: int = 5

    def rung_after(self, attempt: int) -> str | None:
        """The rung on which to wait after failed attempt number ``attempt`` (from 1), None to give up."""
        if attempt >= self.max_attempts:
            return None
        return list(RETRY_RUNGS)[min(attempt, len(RETRY_RUNGS)) - 1]


def jittered_seconds(rung: str) -> float:
    """A wait of 0.7 to 1.0 of the rung's, so that messages which failed together do not return together."""
    return RETRY_RUNGS[rung] * random.uniform(0.7, 1.0)  # noqa: S311 -- spreading load, not a secret
