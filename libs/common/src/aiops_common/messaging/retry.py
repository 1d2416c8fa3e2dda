"""When to try again, and when to give up."""

import random
from dataclasses import dataclass

from aiops_common.messaging.names import RETRY_RUNGS

LONGEST_RUNG = list(RETRY_RUNGS)[-1]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a message is tried before it is dead-lettered.

    ``waits`` are the rungs on which it waits after its first, second, … failure; the last repeats. ``deadline_seconds``
    bounds the whole time from the first wait on, whether or not attempts were spent.
    """

    max_attempts: int = 5
    deadline_seconds: float = 24 * 3600.0
    waits: tuple[str, ...] = tuple(RETRY_RUNGS)

    def rung_after(self, attempt: int) -> str | None:
        """The rung on which to wait after failed attempt number ``attempt`` (from 1), None to give up."""
        if attempt >= self.max_attempts:
            return None
        return self.waits[min(attempt, len(self.waits)) - 1]

    def is_spent(self, waited_seconds: float) -> bool:
        """Whether a message that was first put off so long ago has had its time."""
        return waited_seconds >= self.deadline_seconds


def rung_of(seconds: float | None) -> str:
    """The shortest rung on which a message waits at least ``seconds``; the first where nobody knows how long."""
    # Of a rung only 0.7 is certain: a message that comes back too early is put off once more, and no harm is done.
    return next((rung for rung, wait in RETRY_RUNGS.items() if wait >= (seconds or 0.0)), LONGEST_RUNG)


def jittered_seconds(rung: str) -> float:
    """A wait of 0.7 to 1.0 of the rung's, so that messages which failed together do not return together."""
    return RETRY_RUNGS[rung] * random.uniform(0.7, 1.0)  # noqa: S311 -- spreading load, not a secret
