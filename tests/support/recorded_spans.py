"""The spans about messages that a test caused, without a provider for the whole process."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler
from opentelemetry.trace import SpanContext, Status, Tracer

from aiops_common.messaging import tracing


@dataclass
class RecordedSpans:
    """What ended so far, in that order."""

    tracer: Tracer
    _exporter: InMemorySpanExporter = field(repr=False)

    @property
    def all(self) -> Sequence[ReadableSpan]:
        """Every span."""
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        """The spans of that name."""
        return [span for span in self.all if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        """The only span of that name."""
        (span,) = self.named(name)
        return span


@contextmanager
def recorded_spans(sampler: Sampler = ALWAYS_ON) -> Iterator[RecordedSpans]:
    """Record the spans about messages for the length of the block."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=sampler)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    before, tracing.tracer = tracing.tracer, provider.get_tracer("test")
    try:
        yield RecordedSpans(tracing.tracer, exporter)
    finally:
        tracing.tracer = before
        provider.shutdown()


def context_of(span: ReadableSpan) -> SpanContext:
    """The identity of a span."""
    context = span.get_span_context()
    assert context is not None
    return context


def is_below(span: ReadableSpan, parent: ReadableSpan) -> bool:
    """Whether ``parent`` is the parent of ``span``."""
    above, wanted = span.parent, context_of(parent)
    return above is not None and (above.trace_id, above.span_id) == (wanted.trace_id, wanted.span_id)


def told_of(span: ReadableSpan) -> dict[str, object]:
    """The attributes of a span."""
    return dict(span.attributes or {})


def status_of(span: ReadableSpan) -> tuple[str, object]:
    """The status of a span, and the type of its error."""
    status: Status = span.status
    return status.status_code.name, told_of(span).get("error.type")


def traceparent_of(span: ReadableSpan) -> str:
    """The header that puts a message below ``span``."""
    context = context_of(span)
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
