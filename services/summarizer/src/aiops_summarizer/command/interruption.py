"""Turns the first SIGINT into the end of the log, so that what was read is still told; the second one ends it all."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


class Interrupted(Exception):
    """SIGINT came while a line was awaited."""


@dataclass(slots=True)
class Interruption:
    """Whether SIGINT has come. Whoever waits for a line says so, and is woken by Interrupted."""

    came: bool = False
    is_waiting: bool = False


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Within it, the first SIGINT ends the reading only. For the main thread."""
    state = Interruption()
    before = signal.getsignal(signal.SIGINT)

    def note(_number: int, _frame: FrameType | None) -> None:
        state.came = True
        signal.signal(signal.SIGINT, before)
        if state.is_waiting:
            raise Interrupted

    signal.signal(signal.SIGINT, note)
    try:
        yield state
    finally:
        signal.signal(signal.SIGINT, before)
