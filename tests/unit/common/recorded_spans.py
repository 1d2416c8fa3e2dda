"""Spans as a process records them, without a process around them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace.sampling import DEFAULT_ON, Sampler
from opentelemetry.trace import Tracer

from aiops_common.telemetry.encoding import Encoder
from aiops_common.telemetry.span import RecordedSpan
from aiops_common.telemetry.tracer import RecordingProvider

RESOURCE = {"service.name": "aiops-shop", "service.namespace": "aiops"}


@dataclass
class Recorded:
    """``ended`` are the spans of ``tracer`` that ended, in that order."""

    sampler: Sampler = DEFAULT_ON
    ended: list[RecordedSpan] = field(default_factory=list)

    @property
    def tracer(self) -> Tracer:
        return RecordingProvider(self.sampler, self.ended.append).get_tracer("shop.scales")

    @property
    def only(self) -> RecordedSpan:
        (span,) = self.ended
        return span


def decoded(request: bytes) -> trace_service_pb2.ExportTraceServiceRequest:
    """As a collector reads it."""
    read: trace_service_pb2.ExportTraceServiceRequest = trace_service_pb2.ExportTraceServiceRequest.FromString(request)
    return read


def request(encoder: Encoder, spans: Sequence[RecordedSpan]) -> bytes:
    """``spans`` as they are sent."""
    return encoder.request([encoder.encode(span) for span in spans])


def exported(span: RecordedSpan, encoder: Encoder | None = None) -> Span:
    """The one span as a collector sees it."""
    encoded = decoded(request(encoder or Encoder(RESOURCE), [span]))
    spans: list[Span] = list(encoded.resource_spans[0].scope_spans[0].spans)
    assert len(spans) == 1
    return spans[0]


def attributes(span: Span) -> dict[str, object]:
    """Its attributes as Python values."""
    return {pair.key: _value(pair.value) for pair in span.attributes}


def _value(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    assert kind is not None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind)
