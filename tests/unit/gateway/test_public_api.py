"""The names that clients rely on are there, with the types they had."""

from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
)

from unit.gateway.schema import published

EXPECTED = build_schema(Path(__file__).with_name("expected_api.graphql").read_text(encoding="utf-8"))


def lost(expected: GraphQLSchema, actual: GraphQLSchema) -> list[str]:
    """What ``expected`` has and ``actual`` has not, or has otherwise."""
    told = []
    for name, kind in expected.type_map.items():
        if name.startswith("__"):
            continue
        other = actual.type_map.get(name)
        if other is None or type(other) is not type(kind):
            told.append(f"{name} is not a {type(kind).__name__}")
        else:
            told += _lost_members(kind, other)
    return told


def _lost_members(kind: GraphQLNamedType, other: GraphQLNamedType) -> list[str]:
    if isinstance(kind, GraphQLEnumType) and isinstance(other, GraphQLEnumType):
        return [f"{kind}.{value} is gone" for value in kind.values if value not in other.values]
    if isinstance(kind, GraphQLInputObjectType) and isinstance(other, GraphQLInputObjectType):
        was = {name: str(field.type) for name, field in kind.fields.items()}
        return _differences(kind.name, was, {name: str(field.type) for name, field in other.fields.items()})
    outputs = GraphQLObjectType | GraphQLInterfaceType
    if isinstance(kind, outputs) and isinstance(other, outputs):
        missing = [i.name for i in kind.interfaces if i.name not in {o.name for o in other.interfaces}]
        return [f"{kind} does not implement {name}" for name in missing] + _differences(
            kind.name, _signatures(kind), _signatures(other)
        )
    return []


def _signatures(kind: GraphQLObjectType | GraphQLInterfaceType) -> dict[str, str]:
    """Field → its type, and field(argument) → the argument's type."""
    found = {}
    for name, field in kind.fields.items():
        found[name] = str(field.type)
        found |= {f"{name}({argument})": str(value.type) for argument, value in field.args.items()}
    return found


def _differences(owner: str, was: dict[str, str], now: dict[str, str]) -> list[str]:
    return [f"{owner}.{name}: {kind} is {now.get(name, 'gone')}" for name, kind in was.items() if now.get(name) != kind]


def test_everything_that_clients_rely_on_is_there() -> None:
    assert lost(EXPECTED, published()) == []


def test_arguments_and_inputs_that_were_added_are_optional() -> None:
    required = []
    for name, kind in EXPECTED.type_map.items():
        other = published().type_map[name] if not name.startswith("__") else kind
        if isinstance(kind, GraphQLInputObjectType) and isinstance(other, GraphQLInputObjectType):
            added = other.fields.keys() - kind.fields.keys()
            required += [f"{name}.{field}" for field in added if str(other.fields[field].type).endswith("!")]
    assert required == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ("type Query { a(b: Int): Int! } enum E { X Y } input I { c: ID }", []),
        ("type Query { a(b: Int): Int } enum E { X Y } input I { c: ID }", ["Query.a: Int! is Int"]),
        ("type Query { a: Int! } enum E { X Y } input I { c: ID }", ["Query.a(b): Int is gone"]),
        ("type Query { a(b: Int): Int! } enum E { X } input I { c: ID }", ["E.Y is gone"]),
        ("type Query { a(b: Int): Int! } enum E { X Y } input I { c: ID! }", ["I.c: ID is ID!"]),
        ("type Query { a(b: Int): Int!, d: ID } enum E { X Y } scalar I", ["I is not a GraphQLInputObjectType"]),
    ],
)
def test_a_loss_is_told(changed: str, told: list[str]) -> None:
    before = build_schema("type Query { a(b: Int): Int! } enum E { X Y } input I { c: ID }")
    assert lost(before, build_schema(changed)) == told
