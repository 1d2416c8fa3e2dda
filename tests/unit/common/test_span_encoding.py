"""Our encoding of spans, read back with the library's own classes."""

from uuid import uuid4

import pytest
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from aiops_common.telemetry.encoding import MOST_KEPT, Encoder
from unit.common.recorded_spans import RESOURCE, Recorded, attributes, decoded, exported, request

REMOTE = SpanContext(
    0x0AF7651916CD43DD8448EB211C80319C, 0x00F067AA0BA902B7, True, TraceFlags(1), TraceState([("a", "b")])
)


def test_ids_times_and_parents_are_those_of_the_span() -> None:
    recorded = Recorded()
    context = set_span_in_context(NonRecordingSpan(REMOTE))
    recorded.tracer.start_span("sell", context, SpanKind.SERVER, start_time=1_700_000_000_000_000_001).end(
        1_700_000_000_000_000_002
    )
    span, found = recorded.only, exported(recorded.only)
    assert found.trace_id.hex() == f"{REMOTE.trace_id:032x}"
    assert found.span_id.hex() == f"{span.context.span_id:016x}"
    assert found.parent_span_id.hex() == "00f067aa0ba902b7"
    assert (found.start_time_unix_nano, found.end_time_unix_nano) == (
        1_700_000_000_000_000_001,
        1_700_000_000_000_000_002,
    )
    assert found.kind == 2
    assert found.flags == 0x301, "sampled, and the parent is known to be remote"
    assert not found.trace_state, "anything may stand in what a client sent"


def test_a_root_has_no_parent() -> None:
    recorded = Recorded()
    recorded.tracer.start_span("sell").end()
    found = exported(recorded.only)
    assert not found.parent_span_id
    assert found.flags & 0x300 == 0x100, "the parent is known not to be remote"
    assert found.status.code == 0


def test_events_and_links_are_told() -> None:
    recorded = Recorded()
    span = recorded.tracer.start_span("sell", links=[Link(REMOTE, {"why": "asked"})])
    span.add_event("weighed", {"grams": 5}, 1_700_000_000_000_000_000)
    span.end()
    found = exported(recorded.only)
    assert [(one.name, one.time_unix_nano) for one in found.events] == [("weighed", 1_700_000_000_000_000_000)]
    assert found.events[0].attributes[0].value.int_value == 5
    assert found.links[0].span_id.hex() == "00f067aa0ba902b7"
    assert found.links[0].attributes[0].value.string_value == "asked"


def test_a_request_names_the_resource_and_the_scope_of_each_span() -> None:
    recorded = Recorded()
    for number in range(300):
        recorded.tracer.start_span("sell", attributes={"number": number, "id": str(uuid4())}).end()
    (resource_spans,) = decoded(request(Encoder(RESOURCE), recorded.ended)).resource_spans
    assert {one.key: one.value.string_value for one in resource_spans.resource.attributes} == RESOURCE
    assert {scope_spans.scope.name for scope_spans in resource_spans.scope_spans} == {"shop.scales"}
    spans = [span for scope_spans in resource_spans.scope_spans for span in scope_spans.spans]
    assert [attributes(span) for span in spans] == [span.attributes for span in recorded.ended]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (0, 0),
        (1, 1),
        (300, 300),
        (2**63 - 1, 2**63 - 1),
        (1.0, 1.0),
        ("1", "1"),
        (-1, -1),
        (2**63, str(2**63)),
        ("\ud800", "?"),
        ([1, 2], [1, 2]),
    ],
)
def test_values_that_are_equal_in_python_keep_their_types(value: object, expected: object) -> None:
    recorded = Recorded()
    encoder = Encoder(RESOURCE)
    for before in (True, 1, 1.0, value):
        recorded.tracer.start_span("sell", attributes={"value": before}).end()  # type: ignore[dict-item]  # any value
    found = [attributes(exported(span, encoder))["value"] for span in recorded.ended]
    assert (found[-1], type(found[-1])) == (expected, type(expected))
    assert [type(one) for one in found[:3]] == [bool, int, float]


def test_a_number_whose_name_says_that_it_is_a_secret_is_none() -> None:
    recorded = Recorded()
    recorded.tracer.start_span("sell", attributes={"password": 12345}).end()
    assert "12345" not in str(exported(recorded.only))


def test_what_is_kept_is_bounded() -> None:
    recorded = Recorded()
    encoder = Encoder(RESOURCE)
    for number in range(MOST_KEPT + 10):
        recorded.tracer.start_span(f"sell {number}", attributes={f"key-{number}": number}).end()
    request(encoder, recorded.ended)
    assert max(len(kept) for kept in vars(encoder).values() if isinstance(kept, dict)) <= MOST_KEPT
