"""Whether work grows with the length of the input only, by the CPU time that it takes."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_PAIRS = 5
_RUNS = 3


def assert_linear(work: Callable[[T], object], small: T, large: T, *, most: float, noise_seconds: float) -> None:
    """``large`` takes at most ``most`` times as long as ``small``, or the noise more.

    What else the machine does may slow down one of the two, so one pair of several is enough: work that grows faster
    exceeds the bound each time.
    """
    seen = []
    for _ in range(_PAIRS):
        first, second = _best(work, small), _best(work, large)
        if second <= most * first + noise_seconds:
            return
        seen.append(f"{first:.3f} s and {second:.3f} s")
    raise AssertionError(f"it takes more than {most:g} times as long each time: {'; '.join(seen)}")


def _best(work: Callable[[T], object], given: T) -> float:
    taken = []
    for _ in range(_RUNS):
        begun = time.process_time()
        work(given)
        taken.append(time.process_time() - begun)
    return min(taken)
