"""Starting spans: the OpenTelemetry API's tracer, in which a span that is not recorded costs next to nothing."""

import random
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    TracerProvider,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.util.types import Attributes

from aiops_common.telemetry.span import RecordedSpan


class RecordingProvider(TracerProvider):
    """Tracers whose spans go to ``ended`` when they end, in the thread that ended them.

    ``sampler`` decides at each span without a parent in this process. All below follow that one: every sampler of the
    specification decides the same for one trace, or by the parent.
    """

    def __init__(self, sampler: Sampler, ended: Callable[[RecordedSpan], None]) -> None:
        self._sampler = sampler
        self._ended = ended

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> Tracer:
        """A tracer whose spans bear the module's name as their scope; nothing else is told of it."""
        del instrumenting_library_version, schema_url, attributes
        return RecordingTracer(instrumenting_module_name, self._sampler, self._ended)


class RecordingTracer(Tracer):
    """Makes the spans of one scope."""

    def __init__(self, scope: str, sampler: Sampler, ended: Callable[[RecordedSpan], None]) -> None:
        self._scope = scope
        self._sampler = sampler
        self._ended = ended

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Span:
        """Start a span below the one in ``context``, or in the current one; times in nanoseconds since the epoch."""
        del record_exception, set_status_on_exception  # only who enters a span sees exceptions
        above = get_current_span(context)
        parent = above.get_span_context()
        is_ours = parent.is_valid and not parent.is_remote
        if is_ours and not parent.trace_flags & TraceFlags.SAMPLED:
            return above
        if is_ours:
            identity = SpanContext(parent.trace_id, _span_id(), False, parent.trace_flags, parent.trace_state)
            return RecordedSpan(name, identity, parent, kind, self._scope, attributes, links, start_time, self._ended)
        trace_id = parent.trace_id if parent.is_valid else random.getrandbits(128) or 1
        decided = self._sampler.should_sample(context, trace_id, name, kind, attributes, links)
        sampled = decided.decision is Decision.RECORD_AND_SAMPLE
        random_id = parent.trace_flags & TraceFlags.RANDOM_TRACE_ID if parent.is_valid else TraceFlags.RANDOM_TRACE_ID
        flags = TraceFlags(random_id | TraceFlags.SAMPLED if sampled else random_id)
        identity = SpanContext(trace_id, _span_id(), False, flags, decided.trace_state)
        if not sampled:
            return NonRecordingSpan(identity)
        known = parent if parent.is_valid else None
        attributes = decided.attributes
        return RecordedSpan(name, identity, known, kind, self._scope, attributes, links, start_time, self._ended)

    def start_as_current_span(  # the API's own type is a private class; it is only ever entered
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Any:
        """A context manager within which the span is the current one; it ends on leaving."""
        span = self.start_span(name, context, kind, attributes, links, start_time)
        if context is None and not span.is_recording() and span is get_current_span():
            return _AlreadyCurrent(span)
        return _Current(span, context, record_exception, set_status_on_exception, end_on_exit)


class _AlreadyCurrent:
    """Below a span that is not recorded nothing is: no context is made for nothing."""

    __slots__ = ("_span",)

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> Span:
        return self._span

    def __exit__(self, *_: object) -> None:
        return None


class _Current:
    __slots__ = ("_context", "_end", "_record", "_span", "_status", "_token")

    def __init__(self, span: Span, context: Context | None, record: bool, status: bool, end: bool) -> None:
        self._span = span
        self._context = context
        self._record = record
        self._status = status
        self._end = end

    def __enter__(self) -> Span:
        self._token = attach(set_span_in_context(self._span, self._context))
        return self._span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        detach(self._token)
        if isinstance(error, Exception) and self._span.is_recording():
            if self._record:
                self._span.record_exception(error, escaped=True)
            if self._status:
                self._span.set_status(StatusCode.ERROR, type(error).__qualname__)
        if self._end:
            self._span.end()


def _span_id() -> int:
    return random.getrandbits(64) or 1
