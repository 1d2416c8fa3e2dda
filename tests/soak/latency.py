"""How long things took, in few numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles in seconds of ``count`` durations."""

    count: int
    p50: float
    p95: float
    p99: float
    worst: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Latency":
        """Each percentile is a duration that occurred (nearest rank); all are NaN where there was none."""
        ordered = sorted(seconds)
        if not ordered:
            return cls(0, *[math.nan] * 4)
        p50, p95, p99 = (ordered[math.ceil(share * len(ordered) / 100) - 1] for share in (50, 95, 99))
        return cls(len(ordered), p50, p95, p99, ordered[-1])
