"""The table of spans finds what it is there to find."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from aiops_local.spans import Span
from e2e.span_rules import violations
from e2e.trace_paths import differences, expected, service_edges
from e2e.trace_table import STORIES

# As Jaeger had it: a span's number, its parent's, service, kind, attempt (0 for none) and name.
A_RETRY = """
     1  0 gateway SERVER   0 POST /graphql
     2  1 gateway INTERNAL 0 mutation triageTicket
     3  2 gateway CLIENT   0 INSERT idempotency_keys tickets outbox
     4  2 gateway PRODUCER 0 publish triage.triage_ticket.v1
     5  4 triage  CONSUMER 1 process triage.triage_ticket.v1
     6  5 triage  CLIENT   0 SELECT ticket_terms tickets
     7  5 triage  INTERNAL 0 engine classify
     8  5 triage  CLIENT   0 INSERT inbox tickets outbox ticket_changes
     9  5 triage  PRODUCER 1 retry triage.triage_ticket.v1
    10  9 triage  CONSUMER 2 process triage.triage_ticket.v1
    11 10 triage  CLIENT   0 SELECT ticket_terms tickets
    12 10 triage  INTERNAL 0 engine classify
    13 10 triage  CLIENT   0 INSERT inbox tickets outbox ticket_changes
    14 10 triage  PRODUCER 0 publish triage.ticket_triaged.v1
    15 14 gateway CONSUMER 1 process triage.ticket_triaged.v1
    16 15 gateway CLIENT   0 INSERT tickets
    17  5 triage  CLIENT   0 SELECT ticket_terms tickets
    18 10 triage  CLIENT   0 SELECT ticket_terms tickets
"""


def a_retry() -> list[Span]:
    """The recorded one."""
    spans = []
    for line in A_RETRY.strip().splitlines():
        number, parent, service, kind, attempt, name = line.split(maxsplit=5)
        attributes: dict[str, object] = {"aiops.attempt": int(attempt)} if attempt != "0" else {}
        spans.append(span_of(int(number), int(parent), f"aiops-{service}", kind, name, attributes))
    return spans


def span_of(number: int, parent: int, service: str, kind: str, name: str, attributes: dict[str, object]) -> Span:
    parent_id = f"{parent:016x}" if parent else None
    return Span("a" * 32, f"{number:016x}", parent_id, service, name, kind, number, number + 1, "UNSET", attributes)


def trace_of(story: str) -> list[Span]:
    """A trace that is as the table shows it: each line below the nearest one before it that stands further left."""
    lines = [line for line in STORIES[story].splitlines() if line.strip()]
    depths = [len(line) - len(line.lstrip()) for line in lines]
    spans = []
    for number, line in enumerate(lines, 1):
        parent = next((at for at in range(number - 1, 0, -1) if depths[at - 1] < depths[number - 1]), 0)
        service, kind, rest = line.split(maxsplit=2)
        name, _, attempt = rest.partition(", attempt ")
        attributes: dict[str, object] = {"aiops.attempt": int(attempt)} if attempt else {}
        spans.append(span_of(number, parent, f"aiops-{service}", kind, name, attributes))
    return spans


def moved(spans: list[Span], span: Span) -> Iterator[list[Span]]:
    """The trace with a span and all below it somewhere else, for each other place."""
    inside = {span.span_id}
    for _ in spans:
        inside |= {one.span_id for one in spans if one.parent_id in inside}
    for parent in spans:
        if parent.span_id not in inside and parent.span_id != span.parent_id:
            yield [replace(one, parent_id=parent.span_id) if one is span else one for one in spans]


@pytest.mark.parametrize("story", STORIES)
def test_a_trace_as_the_table_says_differs_in_nothing(story: str) -> None:
    assert differences(story, trace_of(story)) == []
    assert len(trace_of(story)) == expected(story).total()


@pytest.mark.parametrize("story", STORIES)
def test_no_span_of_any_story_can_be_away_elsewhere_or_there_twice(story: str) -> None:
    spans = trace_of(story)
    unseen = []
    for span in spans:
        others = [one for one in spans if one is not span]
        twin = replace(span, span_id="f" * 16)
        mutants = {"away": [others], "stored twice": [[*spans, span]], "done twice": [[*spans, twin]]}
        mutants["elsewhere"] = list(moved(spans, span))
        unseen += [(what, span.name) for what, told in mutants.items() for one in told if not differences(story, one)]
    assert unseen == []


def test_the_recorded_retry_is_as_the_table_says() -> None:
    assert differences("a retry", a_retry()) == []


def test_the_work_of_the_second_attempt_below_the_first_is_seen() -> None:
    first, second = f"{5:016x}", f"{10:016x}"
    spans = [replace(span, parent_id=first) if span.parent_id == second else span for span in a_retry()]
    told = differences("a retry", spans)

    lost = (
        *("SELECT ticket_terms tickets", "engine classify"),
        *("INSERT inbox tickets outbox ticket_changes", "publish triage.ticket_triaged.v1"),
    )
    for name in lost:
        lines = [line for line in told if line.startswith("missing: ") and line.endswith(f" {name}")]
        assert len(lines) == (2 if name.startswith("SELECT") else 1)  # a ticket like no other is looked for twice
        assert all("process triage.triage_ticket.v1, attempt 2 → " in line for line in lines)


def test_an_attempt_with_the_wrong_number_is_seen() -> None:
    told = differences("a retry", [replace(span, attributes={}) for span in a_retry()])

    assert [line.partition(":")[0] for line in told] == ["missing", "not in the table"]
    assert told[0].endswith(", attempt 2")


@pytest.mark.parametrize("name", ["publish triage.ticket_triaged.v1", "push ticketChanged", "INSERT tickets"])
def test_a_span_that_is_missing_is_named(name: str) -> None:
    told = differences("triageTicket", [span for span in trace_of("triageTicket") if span.name != name])

    assert any(line.startswith("missing: ") and line.endswith(f" {name}") for line in told)


def test_a_span_too_many_is_named_but_for_statements_beside_others() -> None:
    spans = trace_of("a query")
    _, _, query, statement = spans
    other = replace(statement, span_id="b", name="SELECT users")
    call = replace(other, name="request auth.log_in.v2")
    path = "client CLIENT POST → gateway SERVER POST /graphql → gateway INTERNAL query ticket"

    assert differences("a query", [*spans, other]) == []
    assert differences("a query", [*spans, call]) == [f"not in the table: {path} → gateway CLIENT {call.name}"]
    assert differences("a query", [*spans, replace(other, parent_id=query.parent_id)]) != []
    assert differences("a query", [*spans, replace(other, parent_id=statement.span_id)]) != []
    assert f"stored 2 times: {statement.name}" in differences("a query", [*spans, statement])
    assert differences("a query", [*spans, replace(other, parent_id="c")]) == [
        "without its parent: aiops-gateway SELECT users"
    ]


def test_the_table_has_the_asynchronous_edges_too() -> None:
    assert {(story, "gateway") for story in ("triage", "summarizer", "changelog", "auth")} <= service_edges()
    assert ("acme", "triage") in service_edges()
    assert len(STORIES) == 19


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
