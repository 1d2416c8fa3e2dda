"""OpenTelemetry, set up once per process: the only module that sees the SDK.

Spans go to ``OTEL_EXPORTER_OTLP_ENDPOINT`` where that is set, else to the file ``TRACES_FILE`` as JSON lines, else
nowhere. Sampling follows the standard ``OTEL_TRACES_SAMPLER`` variables.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import orjson
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Status
from opentelemetry.util.types import AttributeValue

from aiops_common.redaction.records import redact_line, redact_value


class FileSpanExporter(SpanExporter):
    """Appends one JSON object per span to a file that several processes share.

    Every batch is one ``write`` on a file opened for appending, which the kernel does not interleave with others.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write ``spans``; a file that cannot be written loses them and nothing else."""
        lines = b"".join(orjson.dumps(_as_dict(span)) + b"\n" for span in spans)
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, lines)
            finally:
                os.close(descriptor)
        except OSError:
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS


class RedactingExporter(SpanExporter):
    """Hands spans on without personal data and secrets, however they got in: names, attributes, events, statuses.

    Where a request came from and with which query string is left out altogether.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Redact ``spans`` and hand them on; runs in the thread that exports."""
        return self._exporter.export([_redacted(span) for span in spans])

    def shutdown(self) -> None:
        """End the exporter behind it."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the exporter behind it."""
        return self._exporter.force_flush(timeout_millis)


_LEFT_OUT = frozenset(
    (
        *("url.query", "client.address", "client.port", "network.peer.address", "network.peer.port"),
        *("user_agent.original", "net.peer.ip", "net.peer.port", "http.client_ip", "http.user_agent"),
    )
)
"""Attributes of requests, by their names in the semantic conventions of HTTP, new and old."""
_ADDRESSES = frozenset(("url.full", "url.path", "http.url", "http.target"))


def _redacted(span: ReadableSpan) -> ReadableSpan:
    status = span.status
    return ReadableSpan(
        name=redact_line(span.name),
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes=_attributes(span.attributes),
        events=[
            Event(redact_line(event.name), _attributes(event.attributes), event.timestamp) for event in span.events
        ],
        links=[Link(link.context, _attributes(link.attributes)) for link in span.links],
        kind=span.kind,
        status=Status(status.status_code, redact_line(status.description)) if status.description else status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _attributes(attributes: Mapping[str, AttributeValue] | None) -> dict[str, AttributeValue]:
    return {name: _attribute(name, value) for name, value in (attributes or {}).items() if name not in _LEFT_OUT}


def _attribute(name: str, value: AttributeValue) -> AttributeValue:
    if name in _ADDRESSES and isinstance(value, str):
        value = value.partition("?")[0]
    redacted: AttributeValue = redact_value(name, value)
    return redacted


def _as_dict(span: ReadableSpan) -> dict[str, object]:
    context = span.get_span_context()
    return {
        "trace_id": f"{context.trace_id:032x}" if context else "",
        "span_id": f"{context.span_id:016x}" if context else "",
        "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "service": span.resource.attributes.get("service.name"),
        "name": span.name,
        "kind": span.kind.name,
        "start_ns": span.start_time,
        "end_ns": span.end_time,
        "status": span.status.status_code.name,
        "attributes": dict(span.attributes or {}),
        "links": [f"{link.context.trace_id:032x}:{link.context.span_id:016x}" for link in span.links],
    }


def setup_telemetry(service: str) -> Callable[[], None]:
    """Install the tracer provider of this process; returns what flushes and ends it.

    To be called once, before anything is traced. Without a destination no provider is installed, and spans cost
    next to nothing.
    """
    destination = _exporter()
    if destination is None:
        return lambda: None
    exporter = RedactingExporter(destination)
    provider = TracerProvider(
        resource=Resource.create({"service.name": f"aiops-{service}", "service.namespace": "aiops"})
    )
    provider.add_span_processor(
        # A full queue drops spans; it never makes a request wait.
        BatchSpanProcessor(exporter, max_queue_size=8192, schedule_delay_millis=500, max_export_batch_size=512)
    )
    trace.set_tracer_provider(provider)
    return provider.shutdown


def _exporter() -> SpanExporter | None:
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return OTLPSpanExporter(timeout=5)
    if path := os.environ.get("TRACES_FILE"):
        return FileSpanExporter(Path(path))
    return None


def is_tracing() -> bool:
    """Whether spans go anywhere; where they do not, instrumentation can be left out."""
    return isinstance(trace.get_tracer_provider(), TracerProvider)


def current_trace_id() -> str | None:
    """The id of the current trace as 32 hex digits, None outside of any."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def elapsed_ms(started_ns: int) -> int:
    """Whole milliseconds since ``started_ns``, a reading of ``time.monotonic_ns``."""
    return (time.monotonic_ns() - started_ns) // 1_000_000
