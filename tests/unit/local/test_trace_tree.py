from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_local.spans import Span
from aiops_local.trace import Node, build


def span(span_id: str, parent_id: str | None = None, start_ns: int = 0) -> Span:
    return Span("t" * 32, span_id, parent_id, "aiops-triage", span_id, "INTERNAL", start_ns, start_ns + 1, "UNSET")


def ids(nodes: list[Node]) -> Iterator[str]:
    for node in nodes:
        yield node.span.span_id
        yield from ids(node.children)


def test_children_stand_below_their_parent_in_the_order_they_began() -> None:
    forest = build([span("late", "root", 9), span("early", "root", 3), span("root"), span("leaf", "early", 4)])

    assert [node.span.span_id for node in forest.roots] == ["root"]
    assert list(ids(forest.roots)) == ["root", "early", "leaf", "late"]
    assert forest.orphans == []


def test_a_span_whose_parent_is_not_in_the_file_is_an_orphan_with_its_children() -> None:
    forest = build([span("root"), span("lost", "elsewhere"), span("child", "lost")])

    assert list(ids(forest.roots)) == ["root"]
    assert list(ids(forest.orphans)) == ["lost", "child"]


@pytest.mark.parametrize("spans", [[span("a", "a")], [span("a", "b"), span("b", "a"), span("c", "b")]])
def test_parents_in_circles_lose_no_span(spans: list[Span]) -> None:
    forest = build(spans)

    assert sorted(ids(forest.orphans)) == sorted(one.span_id for one in spans)


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from([*"abcdefgh", "missing", None])))
def test_every_span_is_in_the_tree_exactly_once(parents: dict[str, str | None]) -> None:
    forest = build([span(span_id, parent_id) for span_id, parent_id in parents.items()])

    assert sorted([*ids(forest.roots), *ids(forest.orphans)]) == sorted(parents)
