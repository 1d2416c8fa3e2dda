"""The table of spans finds what it is there to find."""

from dataclasses import replace

import pytest

from aiops_local.spans import Span
from e2e.span_rules import violations
from e2e.trace_table import STORIES, differences, expected, service_edges


def trace_of(story: str) -> list[Span]:
    """A trace that is as the table says."""
    wanted = expected(story)
    ids: dict[object, str] = {}
    spans = []
    for number, edge in enumerate([*wanted.exactly, *wanted.statements]):
        ids.setdefault(edge.child, f"{number:016x}")
        parent = ids[edge.parent] if edge.parent else None
        service, kind, name = edge.child
        spans.append(Span("a" * 32, f"{number:016x}", parent, f"aiops-{service}", name, kind, 0, 1, "UNSET"))
    return spans


@pytest.mark.parametrize("story", ["triageTicket", "login", "a query"])
def test_a_trace_as_the_table_says_differs_in_nothing(story: str) -> None:
    assert differences(story, trace_of(story)) == []


@pytest.mark.parametrize("name", ["publish triage.ticket_triaged.v1", "push ticketChanged", "INSERT tickets"])
def test_a_span_that_is_missing_is_named(name: str) -> None:
    told = differences("triageTicket", [span for span in trace_of("triageTicket") if span.name != name])

    assert any(line.startswith("missing: ") and line.endswith(f" {name}") for line in told)


def test_a_span_too_many_is_named_but_for_statements() -> None:
    spans = trace_of("a query")
    parent = spans[0].span_id
    statement = Span("a" * 32, "b", parent, "aiops-gateway", "SELECT users", "CLIENT", 0, 1, "UNSET")
    call = replace(statement, span_id="c", name="request auth.log_in.v2")

    assert differences("a query", [*spans, statement]) == []
    assert differences("a query", [*spans, call]) == [
        "not in the table: client CLIENT POST → gateway CLIENT request auth.log_in.v2"
    ]
    assert differences("a query", [*spans, spans[-2], replace(spans[1], span_id="d")]) != []


def test_the_table_has_the_asynchronous_edges_too() -> None:
    assert {(story, "gateway") for story in ("triage", "summarizer", "changelog", "auth")} <= service_edges()
    assert ("acme", "triage") in service_edges()
    assert len(STORIES) == 15


def test_attributes_that_are_missing_forbidden_or_unknown_are_named() -> None:
    good = {"db.system.name": "postgresql", "db.namespace": "a", "db.operation.name": "SELECT"}
    span = Span(
        "a" * 32, "b", None, "aiops-gateway", "SELECT users", "CLIENT", 0, 1, "UNSET",
        {**good, "db.query.summary": "SELECT users"},
    )  # fmt: skip

    def told(**changes: object) -> str:
        return "\n".join(violations(replace(span, attributes={**span.attributes, **changes})))

    lacking = {name: value for name, value in good.items() if name != "db.namespace"}
    assert told() == ""
    assert "must not have db.query.text" in told(**{"db.query.text": "SELECT 1"})
    assert "has messaging.system, which is not of its kind" in told(**{"messaging.system": "rabbitmq"})
    assert "is not postgresql" in told(**{"db.system.name": "mysql"})
    assert "with error.type" in told(**{"error.type": "x"})
    assert "is not called what" in told(**{"db.query.summary": "SELECT tickets"})
    assert "lacks db.namespace, db.query.summary" in "\n".join(violations(replace(span, attributes=lacking)))
    assert violations(replace(span, name="look into users")) == [
        "aiops-gateway CLIENT look into users: no rule is for it"
    ]
