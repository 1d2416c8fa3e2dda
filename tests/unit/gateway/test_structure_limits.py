"""The shape of documents, measured: the same as if every fragment were written out, without writing it out."""

import time
from collections import Counter
from dataclasses import replace

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

from aiops_gateway.graphql.structure import MOST_NESTED, StructureLimits, check_structure

ROOMY = StructureLimits(
    length=10**6, tokens=10**6, depth=32, aliases=10**6, repeats=10**6, directives=10**6, root_fields=10**6,
    fragments=10**6,
)  # fmt: skip


def refusal(text: str, **limits: int) -> str:
    """What the document is refused with; "" where it is not."""
    try:
        check_structure(parse(text), replace(ROOMY, **limits))
    except GraphQLError as error:
        return error.message
    return ""


@pytest.mark.parametrize(
    ("text", "limit", "most"),
    [
        ("{ a { b { c } } }", "depth", 2),
        ("{ ...A } fragment A on Q { a { b { c } } }", "depth", 2),
        ("{ a { ...A } } fragment A on Q { b { ... on Q { ... { c } } } }", "depth", 2),
        ("{ a { b { c } ...A } } fragment A on Q { d }", "depth", 2),
        ("query A { a } query B { a { b { c } } }", "depth", 2),
        ("subscription { a { b { c } } }", "depth", 2),
        ("{ a: x b: x c { d: y } }", "aliases", 3),
        ("{ a: x ...A } fragment A on Q { b: x c: x }", "aliases", 3),
        ("{ p { ...A } q { ...A } } fragment A on Q { b: x }", "aliases", 2),
        ("query A { a: x } query B { b: x }", "aliases", 2),
        ("{ a a a }", "repeats", 3),
        ("{ x { b: a b: c b } }", "repeats", 3),
        ("{ ... { a } ... on Q { a } a }", "repeats", 3),
        ("{ ...A ...A ...A } fragment A on Q { a }", "repeats", 3),
        ("{ b } fragment Unused on Q { a a a }", "repeats", 3),
        ("{ a @x b @x(y: 1) }", "directives", 2),
        ("query A($v: Int @x) @x { ... @x { a } ...B @x } fragment B on Q @x { a @x }", "directives", 6),
        ("{ a b c }", "root_fields", 3),
        ("mutation { a: x b: x c: x }", "root_fields", 3),
        ("{ ...A ... { c } } fragment A on Q { a b }", "root_fields", 3),
        ("{ ...A ...B } fragment A on Q { a } fragment B on Q { b }", "fragments", 2),
        ("{ a } fragment A on Q { a } fragment A on Q { b }", "fragments", 2),
    ],
)
def test_a_limit_allows_what_it_says_and_no_more(text: str, limit: str, most: int) -> None:
    assert refusal(text, **{limit: most}) == ""
    told = refusal(text, **{limit: most - 1})
    assert str(most) in told
    assert str(most - 1) in told
    assert "limit" in told


@pytest.mark.parametrize(
    "text",
    [
        "{ ...A } fragment A on Q { ...A }",
        "{ ...A } fragment A on Q { a { ...B } } fragment B on Q { ... { b { ...A } } }",
        "{ a } fragment Unused on Q { ...Unused }",
    ],
)
def test_a_fragment_that_contains_itself_is_refused(text: str) -> None:
    assert "contains itself" in refusal(text)


def test_what_validation_will_tell_is_left_to_it() -> None:
    assert refusal("{ ...Nowhere a { ...Nowhere } }") == ""
    assert refusal("type Query { a: Int }") == ""


def test_introspection_has_its_own_limit_of_depth() -> None:
    assert refusal("{ __schema { types { fields { type { ofType { name } } } } } }", depth=1) == ""


@pytest.mark.parametrize("open_", ["a { ", "... { ", "... on Q { "])
def test_nesting_is_bounded_whatever_is_nested(open_: str) -> None:
    deep = MOST_NESTED + 10
    assert "nested more than" in refusal("{ " + open_ * deep + "x" + " }" * deep + " }", depth=10**6)


def test_a_long_chain_of_fragments_is_nested_too() -> None:
    chain = " ".join(f"fragment f{i} on Q {{ ...f{i + 1} }}" for i in range(100))
    for first in ("f0", "f99"):
        assert "nested more than" in refusal(f"{{ ...{first} ...f0 }} {chain} fragment f100 on Q {{ a }}")
    # In whatever order they are measured.
    backwards = " ".join(f"fragment f{i} on Q {{ ...f{i - 1} }}" for i in range(1, 101))
    assert "nested more than" in refusal(f"{{ ...f100 }} fragment f0 on Q {{ a }} {backwards}")


def test_doubling_fragments_cost_no_more_than_their_text() -> None:
    def seconds(count: int) -> float:
        chain = " ".join(f"fragment f{i} on Q {{ a {{ ...f{i + 1} }} b {{ ...f{i + 1} }} }}" for i in range(count))
        document = parse(f"{{ ...f0 }} {chain} fragment f{count} on Q {{ c: d }}")
        began = time.perf_counter()
        with pytest.raises(GraphQLError, match=str(2**count)):
            check_structure(document, replace(ROOMY, aliases=10))
        return time.perf_counter() - began

    # Written out, the second would be two million times as long as the first.
    assert min(seconds(30) for _ in range(3)) < 100 * min(seconds(9) for _ in range(3))


names = st.sampled_from("abc")


@st.composite
def selections(draw: st.DrawFn, below: int, spreads: int) -> str:
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.integers(0, 3 if spreads else 2))
        inner = draw(selections(below - 1, spreads)) if below else ""
        if kind == 0:
            parts.append(draw(names))
        elif kind == 1:
            parts.append(f"{draw(names)}: {draw(names)} {inner}")
        elif kind == 2:
            parts.append(f"... {inner}" if inner else "d")
        else:
            parts.append(f"...F{draw(st.integers(0, spreads - 1))}")
    return "{ " + " ".join(parts) + " }"


@st.composite
def documents(draw: st.DrawFn) -> str:
    fragments = [f"fragment F{i} on Q {draw(selections(1, i))}" for i in range(draw(st.integers(0, 4)))]
    return " ".join([draw(selections(2, len(fragments))), *fragments])


def written_out(document: DocumentNode, node: SelectionSetNode) -> list[FieldNode]:
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    fields: list[FieldNode] = []
    for one in node.selections:
        if isinstance(one, FieldNode):
            fields.append(one)
        elif isinstance(one, FragmentSpreadNode):
            fields += written_out(document, fragments[one.name.value].selection_set)
        else:
            fields += written_out(document, one.selection_set)  # type: ignore[attr-defined]  # an inline fragment
    return fields


def depth(document: DocumentNode, node: SelectionSetNode) -> int:
    below = [one.selection_set for one in written_out(document, node) if one.selection_set]
    return max((1 + depth(document, one) for one in below), default=0)


def aliases(document: DocumentNode, node: SelectionSetNode) -> int:
    fields = written_out(document, node)
    below = sum(aliases(document, one.selection_set) for one in fields if one.selection_set)
    return below + sum(one.alias is not None for one in fields)


@given(documents())
def test_measures_are_those_of_the_document_written_out(text: str) -> None:
    document = parse(text)
    (operation,) = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    fields = written_out(document, operation.selection_set)
    keys = Counter((one.alias or one.name).value for one in fields)
    exact = {
        "depth": depth(document, operation.selection_set),
        "aliases": aliases(document, operation.selection_set),
        "root_fields": len(fields),
    }
    assert refusal(text, **exact) == ""
    for limit, most in exact.items():
        if most:
            assert refusal(text, **{limit: most - 1})
    assert refusal(text, repeats=max(keys.values()) - 1)


def merged(document: DocumentNode, sets: list[SelectionSetNode]) -> int:
    """How often one place is selected at most: what validation compares with each other."""
    places: dict[str, list[FieldNode]] = {}
    for one in (field for node in sets for field in written_out(document, node)):
        places.setdefault((one.alias or one.name).value, []).append(one)
    below = [merged(document, [one.selection_set for one in same if one.selection_set]) for same in places.values()]
    return max([len(same) for same in places.values()] + below, default=1)


@given(documents(), st.integers(1, 20))
def test_no_place_is_selected_more_often_than_the_limit_lets(text: str, repeats: int) -> None:
    document = parse(text)
    (operation,) = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if not refusal(text, repeats=repeats):
        assert merged(document, [operation.selection_set]) <= 5 * repeats


def test_repetitions_multiply_over_levels() -> None:
    inner = "nodes { " + "id " * 20 + "} "
    told = refusal("{ " + ("tickets { " + inner * 2 + "} ") * 20 + "}", repeats=20)
    assert "one place is selected 800 times" in told
    assert "limit is 100" in told
    through = "{ " + "tickets { ...T } " * 20 + "} fragment T on Q { " + inner * 2 + "}"
    assert "one place is selected 800 times" in refusal(through, repeats=20)
    assert refusal("{ " + ("tickets { nodes { " + "id " * 20 + "} } ") * 5 + "}", repeats=20) == ""
    # Below different names they are different places.
    assert refusal("{ " + " ".join(f"{name} {{ {inner} }}" for name in "abcdefgh") + " }", repeats=20) == ""
