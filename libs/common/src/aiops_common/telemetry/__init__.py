"""OpenTelemetry, set up once per process: the only package that sees the SDK and the exporters.

All else uses the API, ``opentelemetry.trace``.
"""

from aiops_common.telemetry.current import current_trace_id, elapsed_ms, is_tracing
from aiops_common.telemetry.setup import setup_telemetry
from aiops_common.telemetry.shared_work import Shared, recording_span, work_in_hand, working_for

__all__ = [
    "Shared",
    "current_trace_id",
    "elapsed_ms",
    "is_tracing",
    "recording_span",
    "setup_telemetry",
    "work_in_hand",
    "working_for",
]
