"""docs/api.md and docs/schema.graphql: operations and who may use them, masked fields, enumerations, limits."""

from collections.abc import Iterable
from functools import cache

from docs.reference import settings, sources
from docs.reference.markdown import code, one_line, table
from graphql import GraphQLEnumType, GraphQLField, GraphQLSchema, build_schema

from aiops_gateway.domain.access import FIELDS, OPERATIONS, PUBLIC_OPERATIONS, Role
from aiops_gateway.domain.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from aiops_gateway.graphql import schema
from aiops_gateway.settings import GatewaySettings

_LIMITS = (
    "max_body_bytes",
    "max_query_depth",
    "max_query_tokens",
    "max_query_aliases",
    "introspection",
    "websocket_origins",
    "request_seconds",
)

_HEAD = f"""\
# The GraphQL API

{sources.WRITTEN_BY}

One path, `/graphql`: queries and mutations by HTTP POST, subscriptions over WebSocket (`graphql-transport-ws`) or
server-sent events. The whole schema is in [schema.graphql](schema.graphql).

The access token goes into the header `Authorization: Bearer <access token>`; a browser's WebSocket sends it as
`authorization` in the payload of `connection_init`. What counts is the role that the account has now, not the one it
had when the token was issued.
"""

_LISTS = f"""\
Ids are opaque. Lists are [Relay connections](https://relay.dev/graphql/connections.htm), newest first: `first` and
`after`, or `last` and `before`; a page holds 1 to {MAX_PAGE_SIZE}, {DEFAULT_PAGE_SIZE} where nothing is said.
`totalCount` is counted only when it is asked for.

Mutations that submit work return at once with `state: PENDING` and `version: 0`. Subscriptions send the present state
first, then every change. An `idempotencyKey` belongs to the account and the operation: the same key with the same
input returns the same object, with another input the user error `IDEMPOTENCY_KEY_REUSED`.
"""

_ERRORS = """\
## Errors

What a client or its user can mend comes as data, in `userErrors` of the payload: a `code`, a `message` and the path
into the input. Everything else is in the top-level `errors` with `extensions.code`:

| code | meaning |
| --- | --- |
| `UNAUTHENTICATED` | no access token, or not a valid one |
| `FORBIDDEN` | the role may not do this |
| `BAD_USER_INPUT` | not a valid document, or an argument that cannot be |
| `LIMIT_EXCEEDED` | a document or body over one of the limits below, or a subscriber who does not keep up |
| `UNAVAILABLE` | a part of the system does not answer now; try again |
| `INTERNAL` | a fault of ours; `extensions.correlationId` finds it in the logs |
"""


@cache
def sdl() -> str:
    """The schema in GraphQL's own language."""
    return schema.sdl() + "\n"


def write() -> str:
    """The whole page."""
    api = build_schema(sdl())
    return "\n".join(
        [_HEAD, *_operations(api), _LISTS, _masked(), _ERRORS, _user_error_codes(api), _limits(), _enums(api)]
    )


def _operations(schema: GraphQLSchema) -> Iterable[str]:
    for title, root in (
        ("Queries", schema.query_type),
        ("Mutations", schema.mutation_type),
        ("Subscriptions", schema.subscription_type),
    ):
        rows = [_operation(name, field) for name, field in (root.fields if root else {}).items()]
        yield f"## {title}\n\n" + table(("field", "roles", "arguments", "returns", "what it does"), rows) + "\n"


def _operation(name: str, field: GraphQLField) -> tuple[str, str, str, str, str]:
    # A root field that the table of access does not have would be open to everybody: rather no page at all.
    roles = "without log-in" if name in PUBLIC_OPERATIONS else _roles(OPERATIONS[name])
    arguments = code(f"{argument}: {value.type}" for argument, value in field.args.items())
    return f"`{name}`", roles, arguments, f"`{field.type}`", one_line(field.description or "")


def _roles(allowed: Iterable[Role]) -> str:
    allowed = set(allowed)
    return "every role" if allowed == set(Role) else ", ".join(role for role in Role if role in allowed)


def _masked() -> str:
    rows = [(f"`{name}`", _roles(allowed)) for name, allowed in FIELDS.items()]
    return (
        "## Masked fields\n\nNull for every role that is not named here, and not searched by `filter.text` either.\n\n"
        + table(("field", "who sees it"), rows)
        + "\n"
    )


def _user_error_codes(schema: GraphQLSchema) -> str:
    codes = schema.type_map["UserErrorCode"]
    return f"Codes of `userErrors`: {code(codes.values if isinstance(codes, GraphQLEnumType) else ())}.\n"


def _limits() -> str:
    shown = [one for one in settings.variables(GatewaySettings) if one.field in _LIMITS]
    return (
        "## Limits\n\nSettings of the gateway; sizes of single fields are those of the commands in "
        "[messages.md](messages.md).\n\n" + settings.as_table(shown) + "\n"
    )


def _enums(schema: GraphQLSchema) -> str:
    enums = [
        (f"`{name}`", code(kind.values), one_line(kind.description or ""))
        for name, kind in sorted(schema.type_map.items())
        if isinstance(kind, GraphQLEnumType) and not name.startswith("__") and name != "UserErrorCode"
    ]
    return "## Enumerations\n\n" + table(("name", "values", "meaning"), enums) + "\n"
