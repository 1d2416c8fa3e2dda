"""The whole schema, walked as everybody: each field was decided on, and nobody comes by what was decided against."""

from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
)

from aiops_gateway.domain.access import (
    FIELDS,
    NODES,
    OPEN_TYPES,
    OPERATIONS,
    PUBLIC_OPERATIONS,
    Role,
    masked_fields,
)
from aiops_gateway.graphql.inputs import camel
from aiops_gateway.repository.read_model import KINDS
from unit.gateway.schema import published

ROOTS = ("Query", "Mutation", "Subscription")
EVERYBODY: list[Role | None] = [*Role, None]  # None has not logged in

SEARCHED = {"headline": "LogSummary.headline", "category": "Triage.category", "needs_review": "Triage.needsReview"} | {
    column: f"Triage.{column}" for column in ("priority",)
}
"""Columns of lists that are not a field of the listed type itself → the field that they hold."""


def _objects() -> dict[str, GraphQLObjectType]:
    return {
        name: kind
        for name, kind in published().type_map.items()
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__")
    }


def test_every_field_was_decided_on_and_no_other() -> None:
    fields = {f"{name}.{field}" for name, kind in _objects().items() if name not in ROOTS for field in kind.fields}
    assert fields - FIELDS.keys() == set(), "decide in domain/access.py who sees these"
    assert FIELDS.keys() - fields == set(), "domain/access.py decides about fields that there are not"


def test_everything_with_an_id_of_its_own_was_decided_on() -> None:
    nodes = {name for name, kind in _objects().items() if any(i.name == "Node" for i in kind.interfaces)}
    assert nodes == NODES.keys()


def _calls(role: Role | None) -> Iterator[GraphQLField]:
    for root in ROOTS:
        for name, field in _objects()[root].fields.items():
            if name in PUBLIC_OPERATIONS or (role is not None and role in OPERATIONS[name]):
                yield field


def _behind(kind: GraphQLNamedType, role: Role | None) -> Iterator[GraphQLObjectType]:
    """The object types that a field of type ``kind`` leads ``role`` to."""
    if isinstance(kind, GraphQLObjectType):
        yield kind
    elif isinstance(kind, GraphQLUnionType):
        yield from kind.types
    elif isinstance(kind, GraphQLInterfaceType):
        for found in published().get_implementations(kind).objects:
            if kind.name != "Node" or (role is not None and role in NODES[found.name]):
                yield found


def _reached(role: Role | None) -> dict[str, GraphQLObjectType]:
    found: dict[str, GraphQLObjectType] = {}
    waiting = [get_named_type(field.type) for field in _calls(role)]
    while waiting:
        for kind in _behind(waiting.pop(), role):
            if kind.name not in found:
                found[kind.name] = kind
                waiting += [get_named_type(field.type) for field in kind.fields.values()]
    return found


@pytest.mark.parametrize("role", EVERYBODY)
def test_whatever_is_reached_is_seen_or_can_be_masked(role: Role | None) -> None:
    wrong = [
        f"{name}.{field}"
        for name, kind in _reached(role).items()
        for field, definition in kind.fields.items()
        if role is not None
        and role not in FIELDS[f"{name}.{field}"]
        and (isinstance(definition.type, GraphQLNonNull) or f"{name}.{field}" not in masked_fields())
    ]
    assert wrong == []


@pytest.mark.parametrize("role", Role)
def test_what_nobody_of_a_role_sees_is_not_reached_by_it(role: Role) -> None:
    seen = {field.partition(".")[0] for field, roles in FIELDS.items() if role in roles}
    assert _reached(role).keys() <= seen
    assert seen <= _reached(role).keys(), "these are decided to be seen, and nothing leads there"


def test_without_a_log_in_only_accounts_are_reached() -> None:
    assert _reached(None).keys() == OPEN_TYPES


def test_what_is_masked_is_what_it_always_was() -> None:
    assert masked_fields() == {
        "LogEntry.content": {Role.ADMIN, Role.OPS},
        "Ticket.body": {Role.ADMIN, Role.OPS, Role.HR},
        "Ticket.reporterEmail": {Role.ADMIN, Role.HR},
    }


def test_lists_are_filtered_and_counted_by_what_everybody_sees() -> None:
    hidden = {
        (kind.name, column)
        for kind in KINDS.values()
        for column in (*kind.filters, *kind.text_columns)
        if FIELDS[_field_of(kind.name, column)] != set(Role)
    }
    # The one that is left out of a search for those who may not see it: see Query.tickets.
    assert hidden == {("ticket", "body")}


def _field_of(kind: str, column: str) -> str:
    if column == "severity":
        return {"logEntry": "LogSummary", "ticket": "Triage"}[kind] + ".severity"
    return SEARCHED.get(column, f"{kind[0].upper()}{kind[1:]}.{camel(column)}")
