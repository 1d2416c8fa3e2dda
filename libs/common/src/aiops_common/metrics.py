"""What every metric of ours shares: buckets, and the exemplar that leads from a bucket to a trace.

Each package declares its metrics in a ``metrics.py`` of its own. Labels take values of closed sets only (message types
that are handled, reasons that the code names, fields of the schema): what a client or a partner wrote is never one.
"""

import time
from math import frexp
from typing import Final

from opentelemetry import trace
from prometheus_client import Histogram

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bucket bounds for what takes milliseconds when all is well."""

LONG_SECONDS: Final = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""Bucket bounds for what may wait: queues, retries, a language model."""

OTHER: Final = "other"
"""The label value for what belongs to no closed set."""

_EXEMPLAR_SECONDS: Final = 1.0


def _exemplar(context: trace.SpanContext) -> dict[str, str] | None:
    """A trace as an exemplar, None where it is not sampled: nobody could look it up.

    https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md#exemplars
    """
    return {"trace_id": f"{context.trace_id:032x}"} if context.is_valid and context.trace_flags.sampled else None


_last_told: dict[tuple[Histogram, int], float] = {}


def observe(histogram: Histogram, seconds: float, span: trace.SpanContext | None = None) -> None:
    """Record ``seconds``, with a trace as their exemplar at most once a second for each doubling of them.

    The trace is that of ``span``, by default of the current one.

    Checking an exemplar costs more than all the rest, and whoever looks sees the last one only.
    """
    place = histogram, frexp(seconds)[1]
    now = time.monotonic()
    if now - _last_told.get(place, 0.0) < _EXEMPLAR_SECONDS:
        histogram.observe(seconds)
        return
    told = _exemplar(span or trace.get_current_span().get_span_context())
    if told is None:
        histogram.observe(seconds)
        return
    _last_told[place] = now
    histogram.observe(seconds, told)
