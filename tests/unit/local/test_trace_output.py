import json
from pathlib import Path

import pytest
from rich.console import Console

from aiops_local.spans import Span, read_spans, search
from aiops_local.trace import bar, show

TRACE = "1897a0938a1af1cc880cda35bcbc2470"
OTHER = "1897a0ffffffffffffffffffffffffff"


def line(span_id: str, parent_id: str | None = None, **more: object) -> bytes:
    span: dict[str, object] = {
        "trace_id": TRACE, "span_id": span_id, "parent_id": parent_id, "service": "aiops-triage", "name": "classify",
        "kind": "INTERNAL", "start_ns": 0, "end_ns": 2_000_000, "status": "UNSET", "attributes": {}, "links": [],
    }  # fmt: skip
    return json.dumps({**span, **more}).encode() + b"\n"


def shown(tmp_path: Path, prefix: str, *lines: bytes) -> tuple[int, str]:
    (tmp_path / "traces.jsonl").write_bytes(b"".join(lines))
    console = Console(width=100, record=True, quiet=False, file=(tmp_path / "out").open("w"))
    code = show(tmp_path / "traces.jsonl", prefix, console)
    return code, console.export_text()


def test_it_shows_service_name_duration_start_status_and_what_matters_of_the_attributes(tmp_path: Path) -> None:
    root = line("a", name="POST /graphql", service="aiops-gateway", kind="SERVER", end_ns=8_000_000)
    child = line("b", "a", start_ns=4_000_000, end_ns=6_500_000, status="ERROR", attributes={"aiops.attempt": 3})

    code, text = shown(tmp_path, TRACE[:6], root, child)

    assert code == 0
    assert f"trace {TRACE}" in text
    assert "2 spans of 2 services in 8.0 ms" in text
    [shown_child] = [row for row in text.splitlines() if "classify" in row]
    assert "triage classify ERROR" in shown_child
    assert "+4.0 ms     2.5 ms" in shown_child
    assert shown_child.endswith("············━━━━━━━━····")
    assert "internal, attempt 3" in text


def test_rows_are_100_columns_at_every_depth(tmp_path: Path) -> None:
    spans = [line(str(depth), str(depth - 1) if depth else None, name="n" * 90) for depth in range(8)]

    _, text = shown(tmp_path, TRACE, *spans)

    assert {len(row) for row in text.splitlines() if "━" in row} == {100}


def test_spans_without_their_parent_stand_under_a_marked_root(tmp_path: Path) -> None:
    code, text = shown(tmp_path, TRACE, line("a", "gone"))

    assert code == 0
    assert "(the parent of these spans was not recorded)" in text


def test_an_unknown_id_is_answered_with_the_newest_traces(tmp_path: Path) -> None:
    older = line("a", trace_id=OTHER, name="POST /graphql")
    newer = [line("b", name="process triage.triage_ticket.v1"), line("c", "b", name="chat", start_ns=5)]

    code, text = shown(tmp_path, "abcdef", older, *newer)

    assert code == 1
    assert "no trace begins with abcdef" in text
    rows = [row for row in text.splitlines() if row.startswith("  ")]
    assert TRACE in rows[0]
    assert rows[0].endswith("process triage.triage_ticket.v1 › chat")
    assert OTHER in rows[1]


@pytest.mark.parametrize(
    ("prefix", "said"),
    [("", "say which trace"), ("1897a", "1897a is too short"), ("1897a0", "2 traces begin with 1897a0")],
)
def test_an_id_that_does_not_name_one_trace_is_an_error_in_words(tmp_path: Path, prefix: str, said: str) -> None:
    code, text = shown(tmp_path, prefix, line("a"), line("b", trace_id=OTHER))

    assert code == 1
    assert said in text


def test_without_a_file_it_says_so(tmp_path: Path) -> None:
    console = Console(width=200, record=True, file=(tmp_path / "out").open("w"))

    assert show(tmp_path / "traces.jsonl", TRACE, console) == 1
    assert "there are no traces yet" in console.export_text()


def test_broken_lines_are_left_out() -> None:
    assert [span.span_id for span in read_spans([b'{"trace_id": "1', b"[]", b"", b"\xff\n", line("a")])] == ["a"]


def test_the_newest_traces_are_a_few_however_many_there_are() -> None:
    spans = (Span(f"{n:032x}", "a", None, "s", f"n{n}", "SERVER", n, n, "UNSET") for n in range(1000))

    found = search(spans, "ffffff")

    assert found.traces == {}
    assert [name for _, name, _ in found.newest] == [f"n{n}" for n in range(999, 991, -1)]


@pytest.mark.parametrize(
    ("start", "length", "drawn"),
    [(0, 1, "━━━━"), (0, 0, "━···"), (1, 0, "···━"), (0.5, 0.5, "··━━"), (0.9, 0.9, "···━")],
)
def test_a_bar_has_at_least_one_cell_and_stays_inside(start: float, length: float, drawn: str) -> None:
    assert bar(start, length, cells=4) == drawn
