import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from rich.console import Console

from aiops_local.jaeger_spans import fetch, parse
from aiops_local.spans import Span
from aiops_local.trace import show

TRACE = "5b8efff798038103d269b633813fc60c"
SPAN = {
    "traceId": TRACE, "spanId": "eee19b7ec3c1b174", "parentSpanId": "eee19b7ec3c1b173", "name": "chat", "kind": 3,
    "startTimeUnixNano": "1763788000000000000", "endTimeUnixNano": "1763788000100000000", "status": {"code": 2},
    "attributes": [
        {"key": "tokens", "value": {"intValue": "3"}},
        {"key": "reasons", "value": {"arrayValue": {"values": [{"stringValue": "stop"}]}}},
        {"key": "map", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": True}}]}}},
        {"key": "empty", "value": {}},
    ],
    "links": [{"traceId": TRACE[::-1], "spanId": "eee19b7ec3c1b175"}],
}  # fmt: skip
ROOT = {**SPAN, "spanId": "eee19b7ec3c1b173", "parentSpanId": "", "name": "ask", "kind": 2, "status": {}, "links": []}


def answer(*spans: object) -> bytes:
    service = {"attributes": [{"key": "service.name", "value": {"stringValue": "aiops-triage"}}]}
    return json.dumps({"result": {"resourceSpans": [{"resource": service, "scopeSpans": [{"spans": spans}]}]}}).encode()


class Answering(BaseHTTPRequestHandler):
    """Knows the trace TRACE; breaks when asked for bbb…; and nothing else."""

    def do_GET(self) -> None:
        status = 200 if f"/{TRACE}?" in self.path else 500 if "/bbb" in self.path else 404
        self.send_response(status)
        self.end_headers()
        self.wfile.write(answer(ROOT, SPAN) if status == 200 else b"{}")

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_span_is_read_with_everything_that_it_has() -> None:
    assert parse(answer(SPAN)) == [
        Span(
            TRACE, "eee19b7ec3c1b174", "eee19b7ec3c1b173", "aiops-triage", "chat", "CLIENT",
            1_763_788_000_000_000_000, 1_763_788_000_100_000_000, "ERROR",
            {"tokens": 3, "reasons": ["stop"], "map": {"a": True}, "empty": ""},
            (f"{TRACE[::-1]}:eee19b7ec3c1b175",),
        )
    ]  # fmt: skip


def test_a_root_has_no_parent_and_a_trace_that_is_not_there_no_spans() -> None:
    assert parse(answer(ROOT))[0].parent_id is None
    assert parse(b"") == []


def test_jaeger_is_asked_for_one_trace(url: str) -> None:
    assert [span.name for span in parse(fetch(url, TRACE))] == ["ask", "chat"]
    assert fetch(url, "a" * 32) == b""
    with pytest.raises(http.client.HTTPException, match="500"):
        fetch(url, "b" * 32)


def shown(file: Path, prefix: str, url: str) -> tuple[int, str]:
    console = Console(width=100, record=True, file=(file.parent / "out").open("w"))
    code = show(file, prefix, console, url)
    return code, console.export_text()


def test_a_whole_id_is_shown_from_jaeger_alone(tmp_path: Path, url: str) -> None:
    code, text = shown(tmp_path / "traces.jsonl", TRACE, url)

    assert code == 0
    assert "2 spans of 1 services" in text


def test_the_file_completes_an_id_and_jaeger_shows_more_of_it(tmp_path: Path, url: str) -> None:
    in_file: dict[str, object] = {
        "trace_id": TRACE, "span_id": "eee19b7ec3c1b173", "parent_id": None, "service": "aiops-triage", "name": "ask",
        "kind": "SERVER", "start_ns": 0, "end_ns": 1, "status": "UNSET", "attributes": {}, "links": [],
    }  # fmt: skip
    (tmp_path / "traces.jsonl").write_text(json.dumps(in_file) + "\n")

    assert "2 spans of 1 services" in shown(tmp_path / "traces.jsonl", TRACE[:6], url)[1]
    assert "1 spans of 1 services" in shown(tmp_path / "traces.jsonl", TRACE[:6], "http://127.0.0.1:1")[1]


def test_what_neither_has_is_not_found(tmp_path: Path, url: str) -> None:
    code, text = shown(tmp_path / "traces.jsonl", "a" * 32, url)

    assert code == 1
    assert "no trace begins with aaa" in text
