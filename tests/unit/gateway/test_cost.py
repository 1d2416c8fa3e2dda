"""What operations cost: each field 1, and in a list once for each entry that may come."""

from typing import Any

import pytest
from graphql import GraphQLError, OperationDefinitionNode, parse, validate
from hypothesis import given
from hypothesis import strategies as st

from aiops_gateway.graphql.cost import Paging, price
from aiops_gateway.graphql.structure import StructureLimits, check_structure
from aiops_gateway.settings import GatewaySettings
from aiops_local.demo import operations as demo
from e2e import documents as e2e
from soak import documents as soak
from unit.gateway.schema import built, published

PAGING = Paging(default=20, most=100)


def cost(text: str, paging: Paging = PAGING, **variables: Any) -> int:
    schema, document = published(), parse(text)
    assert validate(schema, document) == []
    operation = next(one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    return price(schema, document, operation, paging).of(variables)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ __typename }", 1),
        ("{ me { id email } }", 3),
        ("{ tickets { totalCount } }", 2),
        ("{ tickets { nodes { id } } }", 2 + 20),
        ("{ tickets(first: 3) { nodes { id title } } }", 2 + 3 * 2),
        ("{ tickets(last: 3) { nodes { id title } totalCount pageInfo { endCursor } } }", 2 + 3 * 2 + 3),
        ("{ tickets(first: 3) { edges { cursor node { id } } } }", 2 + 3 * 3),
        ("{ tickets(first: 3) { nodes { id } edges { node { id } } } }", 3 + 3 * 1 + 3 * 2),
        ("{ tickets(first: null) { nodes { id } } }", 2 + 20),
        ("{ a: tickets(first: 1) { nodes { id } } b: tickets(first: 2) { nodes { id } } }", 2 + 1 + 2 + 2),
        ("{ tickets(first: 3) { ...P } } fragment P on TicketConnection { nodes { id ...T } } "
         "fragment T on Ticket { title }", 2 + 3 * 2),
        ("{ tickets(first: 3) { ...P ...P } } fragment P on TicketConnection { nodes { id } }", 1 + 2 * (1 + 3)),
        ("{ a: tickets(first: 1) { ...P } b: tickets(first: 9) { ...P } } "
         "fragment P on TicketConnection { nodes { id } }", 2 + 1 + 1 + 1 + 9),
        ("{ tickets(first: 2) { nodes { triage { reasons provenance { engine } } } } }", 2 + 2 * 4),
        ("{ node(id: 1) { id ... on Ticket { title } ... on LogEntry { source } } }", 4),
        ("{ tickets(first: 3) { nodes @skip(if: true) { id } } }", 2 + 3),
    ],
)  # fmt: skip
def test_a_field_costs_one_and_an_entry_as_often_as_it_may_come(text: str, expected: int) -> None:
    assert cost(text) == expected


@pytest.mark.parametrize(
    ("variables", "entries"),
    [({"n": 7}, 7), ({}, 20), ({"n": None}, 20), ({"n": 100}, 100), ({"n": 0}, 1), ({"n": -5}, 1)],
)
def test_sizes_come_from_the_request(variables: dict[str, Any], entries: int) -> None:
    assert cost("query($n: Int) { tickets(first: $n) { nodes { id } } }", **variables) == 2 + entries


@pytest.mark.parametrize("nonsense", ["7", True, 1.5, [1], {"n": 1}])
def test_what_is_no_size_counts_as_the_largest(nonsense: object) -> None:
    assert cost("query($n: Int) { tickets(first: $n) { nodes { id } } }", n=nonsense) == 102


def test_a_default_of_the_document_is_a_size() -> None:
    text = "query($n: Int = 5) { tickets(first: $n) { nodes { id } } }"
    assert (cost(text), cost(text, n=6), cost(text, n=None)) == (7, 8, 22)


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("{ tickets(first: 31) { nodes { id } } }", {}),
        ("{ ...A } fragment A on Query { tickets(last: 31) { nodes { id } } }", {}),
        ("query($n: Int) { tickets(first: $n) { nodes { id } } }", {"n": 31}),
        ("query($n: Int = 31) { tickets(first: $n) { nodes { id } } }", {}),
    ],
)
def test_a_page_over_the_setting_is_refused(text: str, variables: dict[str, Any]) -> None:
    with pytest.raises(GraphQLError, match="must be between 1 and 30, not 31"):
        cost(text, Paging(default=20, most=30), **variables)
    assert cost(text.replace("31", "30"), Paging(default=20, most=30), **dict.fromkeys(variables, 30)) == 32


def test_doubling_fragments_are_priced_without_being_written_out() -> None:
    chain = " ".join(f"fragment f{i} on Query {{ ...f{i + 1} ...f{i + 1} }}" for i in range(60))
    end = "fragment f60 on Query { tickets(first: $n) { nodes { id } } }"
    assert cost(f"query($n: Int) {{ ...f0 }} {chain} {end}", n=3) == 2**60 * 5


@given(st.integers(1, 100), st.integers(1, 100), st.integers(1, 20))
def test_literals_and_variables_cost_the_same(n: int, m: int, fields: int) -> None:
    selection = "nodes { " + "id " * fields + "}"
    literal = f"{{ tickets(first: {n}) {{ {selection} }} logEntries(last: {m}) {{ {selection} }} }}"
    named = f"query($n: Int, $m: Int) {{ tickets(first: $n) {{ {selection} }} logEntries(last: $m) {{ {selection} }} }}"
    assert cost(literal) == cost(named, n=n, m=m) == 4 + (n + m) * fields


async def test_the_budget_is_told_with_what_to_do() -> None:
    aliases = " ".join(f"a{i}: id" for i in range(29))
    text = f"query($n: Int) {{ tickets(first: $n) {{ nodes {{ {aliases} }} edges {{ node {{ {'id title ' * 19} }} }} }}"
    text += f" logEntries(first: $n) {{ edges {{ node {{ {'id source version ' * 19} }} }} }} }}"
    result = await built().execute(text, {"n": 100})
    assert result.errors
    (error,) = result.errors
    assert error.extensions == {"code": "LIMIT_EXCEEDED"}
    assert "budget is 10000" in error.message
    assert "smaller pages" in error.message
    # The same document with another variable is another question: the price is not kept with the document.
    others = (await built().execute(text, {"n": 5})).errors
    assert others
    assert {(other.extensions or {})["code"] for other in others} != {"LIMIT_EXCEEDED"}


OURS = {
    f"{module.__name__}.{name}": text
    for module in (demo, e2e, soak)
    for name, text in vars(module).items()
    if isinstance(text, str) and text.lstrip().startswith(("query", "mutation", "subscription", "{"))
}


@pytest.mark.parametrize("text", OURS.values(), ids=OURS.keys())
def test_what_we_send_ourselves_is_allowed_with_room(text: str) -> None:
    fields = GatewaySettings.model_fields
    half = {
        name: fields[f"max_query_{name}"].default // 2 for name in ("length", "tokens", "depth", "aliases", "repeats")
    }
    check_structure(
        parse(text, max_tokens=half["tokens"]),
        StructureLimits(**half, directives=15, root_fields=10, fragments=25),
    )
    assert len(text) <= half["length"]
    assert cost(text, first=100, n=100) <= fields["max_query_cost"].default // 2


@pytest.mark.parametrize(
    ("arguments", "variables", "entries"),
    [
        ("last: $n, first: 100", {"n": None}, 100),
        ("last: $n, first: 100", {}, 100),
        ("last: $n, first: $m", {"n": None, "m": 90}, 90),
        ("last: $n, first: $m", {"n": 30, "m": 90}, 90),
        ("last: $n, first: $m", {}, 20),
        ("first: null, last: 70", {}, 70),
        ("first: $n", {"n": 100.0}, 100),
        ("first: $n", {"n": 50.0}, 50),
    ],
)
def test_of_two_sizes_the_one_that_is_not_null_counts(arguments: str, variables: Any, entries: int) -> None:
    definitions = ", ".join(f"${name}: Int" for name in "nm" if f"${name}" in arguments)
    head = f"query({definitions})" if definitions else ""
    assert cost(f"{head} {{ tickets({arguments}) {{ nodes {{ id }} }} }}", **variables) == 2 + entries


def test_a_float_over_the_limit_is_refused_like_any_number() -> None:
    with pytest.raises(GraphQLError, match="must be between 1 and 30, not 100"):
        cost("query($n: Int) { tickets(first: $n) { nodes { id } } }", Paging(20, 30), n=100.0)


@pytest.mark.parametrize(("first", "versions"), [("", 1000), (", first: 7", 7), (", first: null", 1000)])
def test_a_history_has_all_of_its_versions(first: str, versions: int) -> None:
    assert cost(f'{{ replayChanges(ticketId: "x"{first}) {{ version kind }} }}') == 1 + versions * 2
    named = 'query($n: Int) { replayChanges(ticketId: "x", first: $n) { version fields { name } } }'
    assert cost(named) == 1 + 1000 * 3
    assert cost(named, n=9) == 1 + 9 * 3
