"""Setting tracing up, spans in a file, and trace ids."""

import json
from pathlib import Path

import pytest
from opentelemetry import trace

from aiops_common.telemetry import current_trace_id, elapsed_ms, setup_telemetry
from aiops_common.telemetry.file import FileSpanExporter
from aiops_common.telemetry.setup import resource
from unit.common.recorded_spans import RESOURCE, Recorded


def _lines(path: Path, recorded: Recorded) -> list[dict[str, object]]:
    file = FileSpanExporter(path, RESOURCE)
    assert file.send([file.encode(span) for span in recorded.ended]) is None
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_span_is_a_line_with_its_parent(tmp_path: Path) -> None:
    recorded = Recorded()
    with recorded.tracer.start_as_current_span("sell") as outer:
        trace_id = current_trace_id()
        weighed = recorded.tracer.start_span("weigh", kind=trace.SpanKind.CONSUMER, attributes={"grams": 5})
        weighed.add_link(outer.get_span_context())
        weighed.add_event("done", {"by": "scales"})
        weighed.end()
    inner_line, outer_line = _lines(tmp_path / "traces.jsonl", recorded)
    assert (inner_line["name"], inner_line["kind"], inner_line["attributes"]) == ("weigh", "CONSUMER", {"grams": 5})
    assert inner_line["parent_id"] == outer_line["span_id"] == f"{outer.get_span_context().span_id:016x}"
    assert inner_line["trace_id"] == outer_line["trace_id"] == trace_id
    assert inner_line["links"] == [f"{trace_id}:{outer_line['span_id']}"]
    assert inner_line["events"] == [{"name": "done", "attributes": {"by": "scales"}}]
    assert outer_line["parent_id"] is None
    assert outer_line["service"] == "aiops-shop"


def test_several_processes_add_to_one_file(tmp_path: Path) -> None:
    recorded = Recorded()
    recorded.tracer.start_span("sell").end()
    _lines(tmp_path / "traces.jsonl", recorded)
    assert len(_lines(tmp_path / "traces.jsonl", recorded)) == 2


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    assert FileSpanExporter(tmp_path / "traces.jsonl", RESOURCE).send([]) is None
    assert (tmp_path / "traces.jsonl").stat().st_mode & 0o077 == 0


def test_a_file_that_cannot_be_written_loses_spans_and_nothing_else(tmp_path: Path) -> None:
    assert FileSpanExporter(tmp_path / "missing" / "x", RESOURCE).send([]) == "FileNotFoundError"


def test_outside_of_a_trace_there_is_no_id() -> None:
    assert current_trace_id() is None


@pytest.mark.parametrize("disabled", [False, True])
def test_without_a_destination_or_where_it_is_disabled_nothing_is_set_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, disabled: bool
) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "TRACES_FILE"):
        monkeypatch.delenv(name, raising=False)
    if disabled:
        monkeypatch.setenv("TRACES_FILE", str(tmp_path / "x"))
        monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    before = trace.get_tracer_provider()
    setup_telemetry("shop")()
    assert trace.get_tracer_provider() is before


def test_the_resource_tells_which_process_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.version=7")
    first, second = resource("shop"), resource("shop")
    assert (first["service.name"], first["service.namespace"]) == ("aiops-shop", "aiops")
    assert (first["deployment.environment.name"], first["service.version"]) == ("test", "7")
    assert first["service.instance.id"] != second["service.instance.id"]


def test_elapsed_time_is_in_whole_milliseconds() -> None:
    assert elapsed_ms(0) > 0
