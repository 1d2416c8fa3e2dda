"""Requests that name an operation: every shape that clients send, and every one that attackers do."""

import json
from pathlib import Path

import pytest
from deploy.bluegreen.place import ONLY_PERSISTED, PROBE
from hypothesis import given
from hypothesis import strategies as st

from aiops_gateway.graphql import persisted
from aiops_gateway.graphql.context import Context
from aiops_gateway.graphql.persisted import InvalidOperations, collect, digest, in_message, load, marked, with_operation
from aiops_gateway.graphql.schema import build_schema
from unit.gateway.schema import SETTINGS, use_cases

HASH = digest("{ me { id } }")
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "documentId", "query", "extensions", "persistedQuery", "sha256Hash", "payload", "type"]
            ),
            inner | st.just("subscribe"),
            max_size=4,
        )
    ),
)


@given(anything)
def test_whatever_is_sent_is_looked_at_without_a_fault(sent: object) -> None:
    before = json.dumps(sent)
    changed = with_operation(sent)
    in_message(sent)
    assert json.dumps(sent) == before
    if changed is not sent:
        assert isinstance(changed, dict)
        assert isinstance(changed["query"], str)
        assert marked(changed["query"]) is not None


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        ({"documentId": HASH}, HASH),
        ({"documentId": f"sha256:{HASH.upper()}"}, HASH),
        ({"documentId": "Dashboard"}, "Dashboard"),
        ({"id": HASH, "query": None}, HASH),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": HASH}}}, HASH),
    ],
)
def test_a_request_that_names_an_operation(request_: dict[str, object], named: str) -> None:
    assert marked(with_operation(request_)["query"]) == named


@pytest.mark.parametrize(
    "request_",
    [
        {"query": "{ a }", "documentId": HASH},
        {"documentId": 7},
        {"documentId": ""},
        {"extensions": {"persistedQuery": HASH}},
        {"extensions": [HASH]},
        {"variables": {"id": HASH}},
        {},
    ],
)
def test_a_request_that_does_not(request_: dict[str, object]) -> None:
    assert with_operation(request_) is request_


def test_only_messages_that_begin_an_operation_name_one() -> None:
    subscribe = {"type": "subscribe", "id": "1", "payload": {"documentId": HASH}}
    assert marked(in_message(subscribe)["payload"]["query"]) == HASH
    assert in_message(subscribe)["id"] == "1"
    for other in ({"type": "complete", "id": HASH}, {"type": "connection_init", "payload": {"id": HASH}}):
        assert in_message(other) is other


def test_a_file_holds_what_it_was_made_of(tmp_path: Path) -> None:
    texts = ["{ a }", "query B { b }\n", "{ a }", "{ ä }"]
    path = tmp_path / "operations.json"
    path.write_text(json.dumps({f"sha256:{name.upper()}": text for name, text in collect(texts).items()}))
    assert load(path) == {digest(text): text for text in texts}


@pytest.mark.parametrize("content", [b"\xff", b"[" * 100_000, b'{"a": null}', b'{"": "{ a }"}', b"{} {}"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "operations.json"
    path.write_bytes(content)
    with pytest.raises(InvalidOperations, match=r"operations\.json"):
        load(path)
    with pytest.raises(InvalidOperations, match="cannot be read"):
        load(tmp_path / "missing.json")


def test_a_long_id_is_cut_before_it_is_kept() -> None:
    text = with_operation({"documentId": "x" * 10**6})["query"]
    assert len(text) < 300
    assert persisted.marked(text) != "x" * 200  # nor can it be that of a shorter one


async def test_who_watches_a_release_knows_the_refusal_of_what_is_not_persisted(tmp_path: Path) -> None:
    (tmp_path / "none.json").write_text("{}")
    settings = {"persisted_operations": tmp_path / "none.json", "persisted_only": True}
    schema = build_schema(SETTINGS.model_copy(update=settings))
    answer = await schema.execute(PROBE, context_value=Context(use_cases(), None))
    assert answer.errors is not None
    assert [error.message.partition(":")[0] for error in answer.errors] == [ONLY_PERSISTED]
