"""Spans below spans, what is recorded of them, and what is not."""

import asyncio

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, DEFAULT_OFF, ParentBasedTraceIdRatio, Sampler, TraceIdRatioBased
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, StatusCode, TraceFlags, set_span_in_context

from aiops_common.telemetry.span import MOST_ATTRIBUTES, MOST_EVENTS, MOST_LINKS
from unit.common.recorded_spans import Recorded


def _remote(*, sampled: bool) -> Context:
    return set_span_in_context(NonRecordingSpan(SpanContext(7, 8, True, TraceFlags(int(sampled)))))


def test_a_span_is_below_the_current_one() -> None:
    recorded = Recorded()
    with recorded.tracer.start_as_current_span("outer") as outer:
        assert trace.get_current_span() is outer
        with recorded.tracer.start_as_current_span("inner"):
            pass
        assert trace.get_current_span() is outer
    inner_span, outer_span = recorded.ended
    assert inner_span.parent == outer_span.context
    assert inner_span.context.trace_id == outer_span.context.trace_id
    assert outer_span.parent is None
    assert outer_span.start_time <= inner_span.start_time <= inner_span.end_time <= outer_span.end_time


def test_a_span_of_a_context_that_is_given_is_below_that() -> None:
    recorded = Recorded()
    with recorded.tracer.start_as_current_span("outer"):
        recorded.tracer.start_span("other", _remote(sampled=True)).end()
        recorded.tracer.start_span("root", Context()).end()
    other, root, _ = recorded.ended
    assert (other.context.trace_id, other.parent and other.parent.span_id) == (7, 8)
    assert root.parent is None


@pytest.mark.parametrize(
    ("sampler", "parent", "expected"),
    [
        (DEFAULT_OFF, None, False),
        (DEFAULT_OFF, True, True),
        (ParentBasedTraceIdRatio(0.0), True, True),
        (ParentBasedTraceIdRatio(1.0), False, False),
        (TraceIdRatioBased(0.0), True, False),
        (ALWAYS_ON, False, True),
    ],
)
def test_the_sampler_decides_once_for_all_that_is_below(sampler: Sampler, parent: bool | None, expected: bool) -> None:
    recorded = Recorded(sampler)
    context = None if parent is None else _remote(sampled=parent)
    with recorded.tracer.start_as_current_span("outer", context) as outer:
        with recorded.tracer.start_as_current_span("inner") as inner:
            assert inner.is_recording() is outer.is_recording() is expected
        assert outer.get_span_context().trace_flags.sampled is expected
        assert outer.get_span_context().is_valid, "logs name it even so"
    assert [span.name for span in recorded.ended] == (["inner", "outer"] if expected else [])


def test_what_is_not_sampled_still_stands_in_a_context_that_is_given() -> None:
    recorded = Recorded(DEFAULT_OFF)
    unsampled = recorded.tracer.start_span("outer")
    with recorded.tracer.start_as_current_span("inner", set_span_in_context(unsampled)):
        assert trace.get_current_span() is unsampled


def test_after_the_end_nothing_changes() -> None:
    recorded = Recorded()
    span = recorded.tracer.start_span("sell")
    span.end(5)
    span.end(6)
    span.set_attribute("late", True)
    span.add_event("late")
    span.add_link(SpanContext(7, 8, True))
    span.update_name("late")
    span.set_status(StatusCode.ERROR)
    found = recorded.only
    assert (found.end_time, found.attributes, found.events, found.links) == (5, {}, None, ())
    assert (found.name, found.status_code, found.is_recording()) == ("sell", StatusCode.UNSET, False)


def test_a_span_is_bounded() -> None:
    recorded = Recorded()
    span = recorded.tracer.start_span("sell", links=[Link(SpanContext(7, 8, True))] * (MOST_LINKS + 5))
    for number in range(MOST_ATTRIBUTES + MOST_EVENTS):
        span.set_attribute(f"key {number}", number)
        span.add_event("again")
        span.add_link(SpanContext(7, 8, True))
    span.set_attributes({"key 0": "new"})
    span.end()
    found = recorded.only
    assert (len(found.attributes), len(found.events or ()), len(found.links)) == (
        MOST_ATTRIBUTES,
        MOST_EVENTS,
        MOST_LINKS,
    )
    assert found.attributes["key 0"] == "new"


def test_an_exception_marks_the_span_and_passes() -> None:
    recorded = Recorded()
    with pytest.raises(KeyError), recorded.tracer.start_as_current_span("sell"):
        raise KeyError("x")
    (event,) = recorded.only.events or []
    assert (recorded.only.status_code, recorded.only.status_description) == (StatusCode.ERROR, "KeyError")
    assert event.attributes["exception.type"] == "KeyError"
    assert "test_span_recording" in str(event.attributes["exception.stacktrace"])


def test_who_does_not_want_exceptions_recorded_has_none() -> None:
    recorded = Recorded()
    entered = recorded.tracer.start_as_current_span("sell", record_exception=False, set_status_on_exception=False)
    with pytest.raises(KeyError), entered:
        raise KeyError("x")
    assert (recorded.only.events, recorded.only.status_code) == (None, StatusCode.UNSET)


async def test_a_cancellation_is_no_error() -> None:
    recorded = Recorded()
    with pytest.raises(asyncio.CancelledError), recorded.tracer.start_as_current_span("sell"):
        raise asyncio.CancelledError
    assert (recorded.only.events, recorded.only.status_code) == (None, StatusCode.UNSET)


def test_a_status_that_is_ok_stays() -> None:
    recorded = Recorded()
    span = recorded.tracer.start_span("sell")
    span.set_status(StatusCode.OK)
    span.set_status(trace.Status(StatusCode.ERROR, "late"))
    span.end()
    assert recorded.only.status_code is StatusCode.OK


def test_a_span_may_stay_open() -> None:
    recorded = Recorded()
    with recorded.tracer.start_as_current_span("sell", end_on_exit=False) as span:
        pass
    assert recorded.ended == []
    span.end()
    assert recorded.only is span
