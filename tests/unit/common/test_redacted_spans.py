"""Spans as they leave the process: free of personal data and secrets, wherever these stand in them."""

import re
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue

from aiops_common.telemetry import RedactingExporter
from support.canaries import CANARIES, LINES


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exported: InMemorySpanExporter) -> Iterator[Tracer]:
    provider = TracerProvider(resource=Resource.create({"service.name": "aiops-shop"}))
    provider.add_span_processor(SimpleSpanProcessor(RedactingExporter(exported)))
    yield provider.get_tracer("test")
    provider.shutdown()


def _only(exported: InMemorySpanExporter) -> ReadableSpan:
    (span,) = exported.get_finished_spans()
    return span


def _fail(tracer: Tracer, line: str) -> None:
    other = tracer.start_span("other").get_span_context()
    attributes = {"note": line, "notes": [line, "plain"]}
    links = [Link(other, {"why": line})]
    with tracer.start_as_current_span(f"sell {line}", attributes=attributes, links=links) as span:
        span.add_event(line, {"detail": line})
        raise ValueError(line)


@pytest.mark.parametrize("line", LINES)
def test_no_part_of_a_span_shows_a_secret(tracer: Tracer, exported: InMemorySpanExporter, line: str) -> None:
    with pytest.raises(ValueError, match=re.escape(line)):
        _fail(tracer, line)
    shown = _only(exported).to_json()
    assert [name for name, canary in CANARIES.items() if canary in shown] == []
    assert "exception.stacktrace" in shown
    assert "plain" in shown


@pytest.mark.parametrize(
    "name", ["url.query", "client.address", "net.peer.ip", "http.user_agent", "user_agent.original"]
)
def test_where_a_request_came_from_is_left_out(tracer: Tracer, exported: InMemorySpanExporter, name: str) -> None:
    tracer.start_span("GET", attributes={name: "anything", "http.method": "GET"}).end()
    assert dict(_only(exported).attributes or {}) == {"http.method": "GET"}


@pytest.mark.parametrize("name", ["http.url", "http.target", "url.full"])
def test_a_query_string_is_never_recorded(tracer: Tracer, exported: InMemorySpanExporter, name: str) -> None:
    tracer.start_span("GET", attributes={name: "http://gateway/graphql?access_token=correct&query={me}"}).end()
    assert dict(_only(exported).attributes or {}) == {name: "http://gateway/graphql"}


def test_a_recorded_header_that_is_secret_is_not_shown(tracer: Tracer, exported: InMemorySpanExporter) -> None:
    tracer.start_span("GET", attributes={"http.request.header.authorization": ["Basic correct"]}).end()
    assert "correct" not in _only(exported).to_json()


def test_all_else_stays(tracer: Tracer, exported: InMemorySpanExporter) -> None:
    attributes: dict[str, AttributeValue] = {
        "messaging.message.id": "018f0000-0000-7000-8000-000000000001",
        "messaging.destination.name": "triage.work",
        "aiops.lines": 1_000_000_000,
        "aiops.share": 0.5,
        "aiops.cached": True,
    }
    span: Span = tracer.start_span("process triage.triage_ticket.v1", attributes=attributes, kind=SpanKind.CONSUMER)
    span.set_status(Status(StatusCode.ERROR, "attempts_spent"))
    span.end()
    found = _only(exported)
    assert dict(found.attributes or {}) == attributes
    assert (found.name, found.kind) == ("process triage.triage_ticket.v1", SpanKind.CONSUMER)
    assert (found.status.status_code, found.status.description) == (StatusCode.ERROR, "attempts_spent")
    assert found.get_span_context() == span.get_span_context()
    assert found.resource.attributes["service.name"] == "aiops-shop"
    assert found.instrumentation_scope is not None
    assert found.instrumentation_scope.name == "test"
    assert found.end_time is not None
