"""Spans in a file, and trace ids."""

import json
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult

from aiops_common.telemetry import FileSpanExporter, current_trace_id, elapsed_ms, setup_telemetry


def _provider(path: Path) -> TracerProvider:
    provider = TracerProvider(resource=Resource.create({"service.name": "aiops-shop"}))
    provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(path)))
    return provider


def test_each_span_is_a_line_with_its_parent(tmp_path: Path) -> None:
    tracer = _provider(tmp_path / "traces.jsonl").get_tracer("test")
    with tracer.start_as_current_span("sell") as outer:
        trace_id = current_trace_id()
        with tracer.start_as_current_span("weigh", kind=trace.SpanKind.CONSUMER, attributes={"grams": 5}):
            pass
    inner_line, outer_line = [json.loads(line) for line in (tmp_path / "traces.jsonl").read_text().splitlines()]
    assert (inner_line["name"], inner_line["kind"], inner_line["attributes"]) == ("weigh", "CONSUMER", {"grams": 5})
    assert inner_line["parent_id"] == outer_line["span_id"] == f"{outer.get_span_context().span_id:016x}"
    assert inner_line["trace_id"] == outer_line["trace_id"] == trace_id
    assert outer_line["parent_id"] is None
    assert outer_line["service"] == "aiops-shop"
    assert outer_line["start_ns"] <= inner_line["start_ns"] <= inner_line["end_ns"] <= outer_line["end_ns"]


def test_several_processes_add_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    for provider in (_provider(path), _provider(path)):
        provider.get_tracer("test").start_span("sell").end()
    assert len(path.read_text().splitlines()) == 2


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    _provider(path).get_tracer("test").start_span("sell").end()
    assert path.stat().st_mode & 0o077 == 0


def test_a_file_that_cannot_be_written_loses_spans_and_nothing_else(tmp_path: Path) -> None:
    assert FileSpanExporter(tmp_path / "missing" / "x").export([]) is SpanExportResult.FAILURE


def test_outside_of_a_trace_there_is_no_id() -> None:
    assert current_trace_id() is None


def test_without_a_destination_nothing_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "TRACES_FILE"):
        monkeypatch.delenv(name, raising=False)
    before = trace.get_tracer_provider()
    setup_telemetry("shop")()
    assert trace.get_tracer_provider() is before


def test_elapsed_time_is_in_whole_milliseconds() -> None:
    assert elapsed_ms(0) > 0
