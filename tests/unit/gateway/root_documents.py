"""A document for every root field, made from the schema: one that is added is among them from the start."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
)

from aiops_gateway.graphql.ids import to_global_id

_IDS = {"ticketId": "Ticket", "userId": "User", "apiKeyId": "ApiKey", "logId": "LogEntry", "ticket": "Ticket"} | {
    "changelog": "Changelog",
    "changelogId": "Changelog",
}
"""Argument, or root field where the argument is called id, → the type whose id it is; LogEntry for others."""

_TEXTS = {"email": "somebody@example.org", "password": "a perfectly long passphrase", "key": "shop.new"}

_ONE_OF = {
    "replayChanges": "logId",
    "generateChangelog": "commits",
    "correctTriage": "category",
    "editChangelog": "summary",
    "setFeatureFlag": "enabled",
}
"""What must be given although the schema does not say so: one of some."""


@dataclass(frozen=True, slots=True)
class RootField:
    """A root field, and a document that selects it with everything it requires."""

    kind: str
    name: str
    document: str


def root_fields(schema: GraphQLSchema) -> Iterator[RootField]:
    """All of them."""
    roots = {"query": schema.query_type, "mutation": schema.mutation_type, "subscription": schema.subscription_type}
    for kind, root in roots.items():
        for name, field in (root.fields if root else {}).items():
            required = [
                f"{argument}: {_literal(name if argument == 'id' else argument, value.type, _ONE_OF.get(name))}"
                for argument, value in field.args.items()
                if isinstance(value.type, GraphQLNonNull) or argument == _ONE_OF.get(name)
            ]
            arguments = f"({', '.join(required)})" if required else ""
            selection = " { __typename }" if is_composite_type(get_named_type(field.type)) else ""
            yield RootField(kind, name, f"{kind} {{ {name}{arguments}{selection} }}")


def _literal(name: str, kind: GraphQLInputType, wanted: str | None = None) -> str:
    if isinstance(kind, GraphQLNonNull):
        return _literal(name, kind.of_type, wanted)
    if isinstance(kind, GraphQLList):
        return f"[{_literal(name, kind.of_type)}]"
    if isinstance(kind, GraphQLEnumType):
        return str(next(iter(kind.values)))
    if isinstance(kind, GraphQLInputObjectType):
        given = {
            field: value.type
            for field, value in kind.fields.items()
            if isinstance(value.type, GraphQLNonNull) or field == wanted
        }
        return "{" + ", ".join(f"{field}: {_literal(field, value)}" for field, value in given.items()) + "}"
    if kind.name == "ID":
        return f'"{to_global_id(_IDS.get(name, "LogEntry"), UUID(int=1))}"'
    return {"Int": "1", "Boolean": "true", "DateTime": '"2026-01-01T00:00:00Z"'}.get(
        kind.name, f'"{_TEXTS.get(name, "x")}"'
    )
