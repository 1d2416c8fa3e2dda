"""Destinations that took nothing lately: asked again ever more rarely, so that they hold up nobody else."""

import time
from collections.abc import Callable
from dataclasses import dataclass

Destination = tuple[str, str]
"""Exchange and routing key."""


@dataclass(frozen=True, slots=True)
class _PutOff:
    due: float
    seconds: float


class Refusals:
    """Which destinations refuse, and until when each is left alone: 1 s at first, doubled up to ``max_seconds``.

    A queue that is full or missing refuses every message for it. Were those tried in their turn, enough of them would
    keep all others from ever getting theirs.
    """

    def __init__(self, *, max_seconds: float = 30.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_seconds = max_seconds
        self._clock = clock
        self._put_off: dict[Destination, _PutOff] = {}

    def waiting(self) -> list[Destination]:
        """Those that are not to be asked now."""
        now = self._clock()
        return [destination for destination, state in self._put_off.items() if state.due > now]

    def refused(self, destination: Destination) -> float | None:
        """It refused; returns the seconds for which it is left alone from now on.

        None where it was left alone already: a refusal that was under way meanwhile tells nothing new.
        """
        now = self._clock()
        known = self._put_off.get(destination)
        if known is not None and known.due > now:
            return None
        seconds = min(2 * known.seconds, self._max_seconds) if known else 1.0
        self._put_off[destination] = _PutOff(now + seconds, seconds)
        return seconds

    def accepted(self, destination: Destination) -> None:
        """It took a message."""
        self._put_off.pop(destination, None)
