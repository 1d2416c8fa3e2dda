"""Deltas: what differs between two versions, and nothing else; folding them gives the last version."""

from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aiops_common.history import delta

NAMES = ("title", "body", "status", "triage")
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=3)
DOCUMENTS = st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES))


def fold(state: dict[str, Any], change: dict[str, tuple[Any, Any]]) -> dict[str, Any]:
    return {**state, **{name: after for name, (_, after) in change.items()}}


@given(st.lists(DOCUMENTS, min_size=1, max_size=6))
def test_folding_all_deltas_gives_the_last_document(documents: list[dict[str, Any]]) -> None:
    befores: list[dict[str, Any] | None] = [None, *documents[:-1]]
    deltas = [delta(before, after) for before, after in zip(befores, documents, strict=True)]
    assert reduce(fold, deltas, dict.fromkeys(NAMES)) == documents[-1]


@given(DOCUMENTS, DOCUMENTS)
def test_a_delta_holds_what_differs_with_both_values(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert delta(before, after) == {name: (before[name], after[name]) for name in NAMES if before[name] != after[name]}


def test_the_first_version_comes_from_nulls() -> None:
    assert delta(None, {"title": "t", "triage": None}) == {"title": (None, "t")}


def test_id_and_version_are_not_fields() -> None:
    assert delta({"id": 1, "version": 1}, {"id": 2, "version": 2}) == {}
