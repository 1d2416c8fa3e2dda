"""Spans as they leave the process: free of personal data and secrets, wherever these stand in them."""

import re
from pathlib import Path

import pytest
from opentelemetry.trace import Link, SpanKind, StatusCode
from opentelemetry.util.types import AttributeValue

from aiops_common.telemetry.encoding import Encoder
from aiops_common.telemetry.file import FileSpanExporter
from aiops_common.telemetry.span import RecordedSpan
from support.canaries import CANARIES, LINES
from unit.common.recorded_spans import RESOURCE, Recorded, attributes, exported, request


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


def _fail(recorded: Recorded, line: str) -> RecordedSpan:
    tracer = recorded.tracer
    other = tracer.start_span("other").get_span_context()
    told = {"note": line, "notes": [line, "plain"], line[:40]: "x"}
    with tracer.start_as_current_span(f"sell {line}", attributes=told, links=[Link(other, {"why": line})]) as span:
        span.add_event(line, {"detail": line})
        raise ValueError(line)


def _shown(recorded: Recorded, tmp_path: Path) -> list[str]:
    """What each destination gets."""
    path = tmp_path / "traces.jsonl"
    file = FileSpanExporter(path, RESOURCE)
    assert file.send([file.encode(span) for span in recorded.ended]) is None
    return [request(Encoder(RESOURCE), recorded.ended).decode(errors="replace"), path.read_text()]


@pytest.mark.parametrize("line", LINES)
def test_no_part_of_a_span_shows_a_secret(recorded: Recorded, tmp_path: Path, line: str) -> None:
    with pytest.raises(ValueError, match=re.escape(line)):
        _fail(recorded, line)
    for shown in _shown(recorded, tmp_path):
        assert [name for name, canary in CANARIES.items() if canary in shown] == []
        assert "exception.stacktrace" in shown
        assert "plain" in shown


def test_the_message_of_an_exception_stays_here(recorded: Recorded, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wrote"):
        _fail(recorded, "what a client wrote, which no recogniser knows")
    recorded.only.name, recorded.only.attributes, recorded.only.links = "sell", {}, ()
    events = recorded.only.events or []
    recorded.only.events = [event for event in events if event.name == "exception"]
    for shown in _shown(recorded, tmp_path):
        assert "client wrote" not in shown
        assert "ValueError" in shown


def test_the_description_of_a_status_ends_where_a_message_may_begin(recorded: Recorded) -> None:
    span = recorded.tracer.start_span("sell")
    span.set_status(StatusCode.ERROR, "ValueError: what a client wrote")
    span.end()
    assert exported(recorded.only).status.message == "ValueError"


@pytest.mark.parametrize(
    "name", ["url.query", "client.address", "net.peer.ip", "http.user_agent", "user_agent.original"]
)
def test_where_a_request_came_from_is_left_out(recorded: Recorded, tmp_path: Path, name: str) -> None:
    recorded.tracer.start_span("GET", attributes={name: "anything", "http.method": "GET"}).end()
    assert attributes(exported(recorded.only)) == {"http.method": "GET"}
    assert all("anything" not in shown for shown in _shown(recorded, tmp_path))


@pytest.mark.parametrize("name", ["http.url", "http.target", "url.full"])
def test_a_query_string_is_never_told(recorded: Recorded, name: str) -> None:
    recorded.tracer.start_span("GET", attributes={name: "http://gateway/graphql?access_token=correct&query={me}"}).end()
    assert attributes(exported(recorded.only)) == {name: "http://gateway/graphql"}


@pytest.mark.parametrize("value", [["Basic correct"], "correct", 17, "018f0000-0000-7000-8000-000000000001"])
def test_what_is_secret_by_its_name_is_not_shown(recorded: Recorded, value: AttributeValue) -> None:
    recorded.tracer.start_span("GET", attributes={"http.request.header.authorization": value}).end()
    assert attributes(exported(recorded.only)) == {"http.request.header.authorization": "<SECRET_1>"}


def test_what_was_harmless_once_does_not_hide_what_is_not(recorded: Recorded) -> None:
    encoder = Encoder(RESOURCE)
    for value in ("a@b", "anna@example.com", "a@b", "anna@example.com"):
        recorded.tracer.start_span("sell", attributes={"to": value}).end()
    assert [attributes(exported(span, encoder))["to"] for span in recorded.ended] == ["a@b", "<EMAIL_1>"] * 2


def test_all_else_stays(recorded: Recorded) -> None:
    told: dict[str, AttributeValue] = {
        "messaging.message.id": "018f0000-0000-7000-8000-000000000001",
        "messaging.destination.name": "triage.work",
        "aiops.lines": 1_000_000_000,
        "aiops.share": 0.5,
        "aiops.cached": True,
        "aiops.parts": ["a", "b"],
    }
    span = recorded.tracer.start_span("process triage.triage_ticket.v1", attributes=told, kind=SpanKind.CONSUMER)
    span.set_status(StatusCode.ERROR, "attempts_spent")
    span.end()
    found = exported(recorded.only)
    assert attributes(found) == told
    assert (found.name, found.kind) == ("process triage.triage_ticket.v1", 5)
    assert (found.status.code, found.status.message) == (2, "attempts_spent")
