"""The states of a history: what the deltas add up to, and what each reader sees of them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLNamedType, GraphQLObjectType, get_named_type
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from aiops_common.history import delta
from aiops_contracts.changelog import ChangelogEntry, ChangelogSection, ChangelogSnapshot
from aiops_contracts.summarizer import LogSnapshot
from aiops_contracts.triage import SimilarTicket, TicketSnapshot, TriageResult
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.domain.history import IDS, PARTS, TIMES, Place, changed, members, shown, shown_object, states
from aiops_gateway.domain.ids import to_global_id
from unit.gateway.fake_api import ticket
from unit.gateway.schema import published

NAMES = ["title", "body", "status", "triage", "failure"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
DOCUMENTS = st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES)), min_size=1, max_size=8)


OWN_IDS = {"LogEntry.id", "Ticket.id", "Changelog.id", "ChangelogEntry.entryId"}
"""Ids that the owners' documents have as the API has them, or that are put in beside."""


def of(role: Role) -> Viewer:
    return Viewer(UUID(int=1), role)


@given(DOCUMENTS)
def test_folding_the_deltas_gives_the_document_at_every_version(documents: list[dict[str, Any]]) -> None:
    deltas = [delta(before, after) for before, after in zip([None, *documents], documents, strict=False)]
    rebuilt = list(states(deltas))
    assert [{name: state.get(name) for name in NAMES} for state in rebuilt] == documents


@given(DOCUMENTS, st.integers(min_value=0, max_value=8))
def test_a_history_can_be_gone_on_with_from_any_version(documents: list[dict[str, Any]], at: int) -> None:
    deltas = [delta(before, after) for before, after in zip([None, *documents], documents, strict=False)]
    earlier = list(states(deltas[:at]))
    assert earlier + list(states(deltas[at:], earlier[-1] if earlier else None)) == list(states(deltas))


def _named(path: str) -> GraphQLNamedType:
    type_name, _, field = path.partition(".")
    kind = published().type_map[type_name]
    assert isinstance(kind, GraphQLObjectType)
    named: GraphQLNamedType = get_named_type(kind.fields[field].type)
    return named


@pytest.mark.parametrize(
    ("type_name", "snapshot"),
    [
        ("LogEntry", LogSnapshot),
        ("Ticket", TicketSnapshot),
        ("Triage", TriageResult),
        ("SimilarTicket", SimilarTicket),
        ("Changelog", ChangelogSnapshot),
        ("ChangelogSection", ChangelogSection),
        ("ChangelogEntry", ChangelogEntry),
    ],
)
def test_every_field_of_the_api_is_one_of_the_owners(type_name: str, snapshot: type[BaseModel]) -> None:
    assert set(members(type_name).values()) == snapshot.model_fields.keys()


def test_parts_and_times_are_those_of_the_schema() -> None:
    reached, waiting = set[str](), {"LogEntry", "Ticket", "Changelog"}
    while waiting:
        type_name = waiting.pop()
        reached.add(type_name)
        for name in members(type_name):
            field = f"{type_name}.{name}"
            kind = _named(field)
            assert (kind.name if isinstance(kind, GraphQLObjectType) else None) == PARTS.get(field), field
            assert (kind.name == "DateTime") == (name in TIMES), field
            assert (kind.name == "ID") == (field in {*IDS, *OWN_IDS}), field
            waiting |= {PARTS[field]} - reached if field in PARTS else set()
    assert {field.partition(".")[0] for field in PARTS} <= reached


def test_a_state_has_the_names_and_values_of_the_api() -> None:
    document = ticket(1).model_dump(mode="json")
    hidden: list[Place] = []
    state = shown_object("Ticket", document, of(Role.ADMIN), hidden)
    assert hidden == []
    kind = published().type_map["Ticket"]
    assert isinstance(kind, GraphQLObjectType)
    assert state.keys() == kind.fields.keys()
    assert (state["body"], state["reporterEmail"], state["triage"]) == ("secret 1", "reporter@example.org", None)
    assert (
        state["createdAt"] == datetime.fromisoformat(document["created_at"]).isoformat() == "2026-01-01T00:00:00+00:00"
    )


@pytest.mark.parametrize(
    ("role", "places"),
    [(Role.ADMIN, set()), (Role.HR, set()), (Role.OPS, {"reporterEmail"}), (Role.VIEWER, {"body", "reporterEmail"})],
)
def test_a_state_is_masked_as_the_ticket_is(role: Role, places: set[str]) -> None:
    hidden: list[Place] = []
    state = shown_object("Ticket", ticket(1).model_dump(mode="json"), of(role), hidden)
    assert {place for (place,) in hidden} == places
    assert {state[place] for place in places} <= {None}
    assert ("secret" in str(state), "reporter@" in str(state)) == (role != Role.VIEWER, role in {Role.ADMIN, Role.HR})


def test_parts_of_parts_are_shown_by_their_own_names() -> None:
    document = {
        "headline": "h", "first_seen": "2026-01-01T00:00:00Z", "unheard_of": "a newer owner's",
        "patterns": [{"template": "<*>", "first_line": 3}], "provenance": {"duration_ms": 5},
    }  # fmt: skip
    summary = shown("LogEntry.summary", document, of(Role.VIEWER), [])
    assert (summary["headline"], summary["firstSeen"]) == ("h", "2026-01-01T00:00:00+00:00")
    assert summary["patterns"][0]["firstLine"] == 3
    assert summary["provenance"]["durationMs"] == 5
    assert "newer" not in str(summary)


def test_what_nobody_decided_on_is_not_among_the_changes() -> None:
    told = list(changed("Ticket", 2, {"salary": (None, 5), "status": ("OPEN", "CLOSED")}, of(Role.ADMIN)))
    assert told == [("status", "OPEN", "CLOSED")]


@pytest.mark.parametrize("email", [None, "a@example.org"])
def test_the_first_version_does_not_tell_whether_there_is_a_hidden_value(email: str | None) -> None:
    document = ticket(1, email).model_dump(mode="json")
    names = [name for name, _, _ in changed("Ticket", 1, delta(None, document), of(Role.OPS))]
    assert "reporterEmail" in names


def test_ids_of_others_and_of_entries_are_shown_as_the_api_shows_them() -> None:
    triage = {
        "corrected_by": str(UUID(int=3)), "corrected_at": "2026-01-01T00:00:00Z",
        "similar": [{"ticket_id": str(UUID(int=4)), "title": "t", "score": 0.5}],
    }  # fmt: skip
    told = shown("Ticket.triage", triage, of(Role.VIEWER), [])
    assert told["correctedBy"] == to_global_id("User", UUID(int=3))
    assert told["correctedAt"] == "2026-01-01T00:00:00+00:00"
    assert told["similar"] == [{"ticketId": to_global_id("Ticket", UUID(int=4)), "title": "t", "score": 0.5}]
    sections = [{"section": "ADDED", "entries": [{"id": "e1", "text": "x"}]}]
    (section,) = shown("Changelog.sections", sections, of(Role.VIEWER), [])
    assert (section["entries"][0]["entryId"], section["entries"][0]["text"]) == ("e1", "x")
