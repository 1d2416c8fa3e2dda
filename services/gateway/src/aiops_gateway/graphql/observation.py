"""One operation as operators see it: its span, what is counted of it, and a span for each change that it pushes."""

import time
from collections.abc import Iterable
from typing import Final

from opentelemetry.context import attach, get_current
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanKind,
    StatusCode,
    Tracer,
    get_tracer,
    set_span_in_context,
)

from aiops_common.messaging.message import trace_context
from aiops_gateway.graphql.enums import UserErrorCode
from aiops_gateway.graphql.errors import FAULTS, UserError
from aiops_gateway.graphql.metrics import Outcome, count_errors, count_operation, count_push
from aiops_gateway.graphql.roots import INVALID, Root

_REFUSED: Final = "LIMIT_EXCEEDED"

TRACER: Final = get_tracer(__name__)


class Observation:
    """From the beginning of an operation to its answer; of a subscription, until it is established.

    The state that a subscriber is told first belongs to that too. Each change afterwards is told in the trace of what
    changed, in a span that links here. Contexts are set and never reset by token: parts of a stream may end in another
    task than they began in.
    """

    __slots__ = (
        "_begun",
        "_inside",
        "_noted",
        "_outside",
        "_own",
        "_push",
        "_pushing",
        "_span",
        "_tracer",
        "root",
    )

    def __init__(self, tracer: Tracer = TRACER) -> None:
        self.root = INVALID
        self._tracer = tracer
        self._begun = time.perf_counter()
        self._noted = Outcome.OK
        self._pushing = False
        self._push: Span | None = None
        span = tracer.start_span(f"graphql {INVALID.field}")
        self._span: Span | None = span
        self._own = span.get_span_context()
        self._outside = get_current()
        self._inside = set_span_in_context(span, self._outside)
        attach(self._inside)

    def name(self, root: Root) -> None:
        """It is known what the operation is."""
        self.root = root
        if self._span is not None and self._span.is_recording():
            self._span.update_name(f"{root.type} {root.field}")
            self._span.set_attribute("graphql.operation.type", root.type)

    def note(self, errors: Iterable[UserError]) -> None:
        """A payload tells the client ``errors`` as data."""
        for error in errors:
            self._noted = Outcome.REFUSED if error.code is UserErrorCode.RATE_LIMITED else Outcome.USER_ERROR

    def answer(self, codes: list[str]) -> None:
        """There is an answer, with errors of these codes, or a change to be pushed, or the end of a stream."""
        count_errors(codes)
        fault = next((code for code in codes if code in FAULTS), None)
        if self._push is not None and fault is not None:
            _fail(self._push, fault)
        if fault is not None:
            self.finish(Outcome.ERROR, fault)
        elif codes:
            self.finish(Outcome.REFUSED if _REFUSED in codes else Outcome.USER_ERROR)
        else:
            self.finish(self._noted)

    def finish(self, outcome: Outcome, fault: str | None = None) -> None:
        """The operation is over, or the subscription established; whatever is said of that later is ignored."""
        span = self._span
        if span is None:
            return
        count_operation(self.root, outcome, time.perf_counter() - self._begun, self._own)
        if fault is not None:
            _fail(span, fault)
        span.end()
        # A subscription goes on for hours, and needs no more of the span than where it is.
        is_inside = get_current() is self._inside
        self._span = None
        self._inside = set_span_in_context(NonRecordingSpan(self._own), self._outside)
        if is_inside:
            attach(self._inside)

    def begin_push(self, traceparent: str | None) -> None:
        """A change is going to be told of; ``traceparent`` is of what made it, None where that is not recorded."""
        self._pushing = True
        if traceparent is None:
            return
        self._push = self._tracer.start_span(
            f"push {self.root.field}",
            trace_context({"traceparent": traceparent}),
            SpanKind.PRODUCER,
            {"graphql.operation.type": self.root.type},
            [Link(self._own)] if self._own.trace_flags.sampled else None,
        )
        attach(set_span_in_context(self._push, self._inside))

    def end_push(self, *, told: bool) -> None:
        """The change was handed to the protocol, if it was ``told``; nothing happens where there was none."""
        if self._pushing and told:
            count_push(self.root.field)
        self._pushing = False
        if self._push is not None:
            self._push.end()
            self._push = None
            attach(self._inside)

    def leave(self) -> None:
        """Nothing more is done for the operation here; where it was broken off, the client did not want it any more."""
        self.end_push(told=False)
        attach(self._outside)


def _fail(span: Span, code: str) -> None:
    span.set_status(StatusCode.ERROR)
    span.set_attribute("error.type", code)
