"""What a process asks about its tracing."""

import time

from opentelemetry import trace

from aiops_common.telemetry.tracer import RecordingProvider


def is_tracing() -> bool:
    """Whether spans go anywhere; where they do not, instrumentation can be left out."""
    return isinstance(trace.get_tracer_provider(), RecordingProvider)


def current_trace_id() -> str | None:
    """The id of the current trace as 32 hex digits, None outside of any."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def elapsed_ms(started_ns: int) -> int:
    """Whole milliseconds since ``started_ns``, a reading of ``time.monotonic_ns``."""
    return (time.monotonic_ns() - started_ns) // 1_000_000
