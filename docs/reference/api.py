"""docs/api.md and docs/schema.graphql: operations and who may use them, masked fields, enumerations, limits."""

from collections.abc import Iterable
from functools import cache

from docs.reference import settings, sources
from docs.reference.markdown import code, one_line, table
from graphql import GraphQLEnumType, GraphQLField, GraphQLSchema, build_schema

from aiops_gateway.domain.access import (
    AUDITED,
    OPERATIONS,
    PEOPLE_ONLY,
    PUBLIC_OPERATIONS,
    Role,
    masked_fields,
)
from aiops_gateway.domain.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from aiops_gateway.graphql import schema
from aiops_gateway.service.changes import LOOK_AGAIN_SECONDS, MAX_WAITING
from aiops_gateway.settings import GatewaySettings

_LIMITS = (
    "max_body_bytes",
    "max_body_bytes_held",
    "receive_seconds",
    "max_connections",
    "websocket_message_bytes",
    "max_query_length",
    "max_query_tokens",
    "max_query_depth",
    "max_query_aliases",
    "max_query_repeats",
    "max_query_directives",
    "max_query_fragments",
    "max_root_fields",
    "max_query_cost",
    "max_variable_values",
    "max_answer_objects",
    "max_answer_bytes",
    "max_page_size",
    "operation_seconds",
    "requests_per_second",
    "address_requests_per_second",
    "request_burst_seconds",
    "sign_ins_per_minute",
    "sign_in_burst",
    "subscriptions_per_connection",
    "connections_per_principal",
    "connections_per_address",
    "trusted_proxies",
    "websocket_init_seconds",
    "send_seconds",
    "websocket_origins",
    "cors_origins",
    "persisted_operations",
    "persisted_only",
    "introspection",
    "development",
    "request_seconds",
)

_HEAD = f"""\
# The GraphQL API

{sources.WRITTEN_BY}

One path, `/graphql`: queries and mutations by HTTP POST, subscriptions over WebSocket (`graphql-transport-ws`) or
server-sent events. The whole schema is in [schema.graphql](schema.graphql).

The access token goes into the header `Authorization: Bearer <access token>`; a browser's WebSocket sends it as
`authorization` in the payload of `connection_init`. A machine sends an API key in place of the token. What counts is
the role that the account has now, not the one it had when the token was issued.

Request bodies are `application/json` only. Answers are `application/json`, or `application/graphql-response+json` if
the client prefers it; the status then tells what never ran. Mutations by GET are refused (405). Cookies are not used.
"""

_LISTS = f"""\
Ids are opaque. Lists are [Relay connections](https://relay.dev/graphql/connections.htm), newest first: `first` and
`after`, or `last` and `before`; a page holds 1 to {MAX_PAGE_SIZE}, {DEFAULT_PAGE_SIZE} where nothing is said.
`totalCount` is counted only when it is asked for.

Mutations that submit work return at once with `state: PENDING` and `version: 0`. An `idempotencyKey` belongs to the
account or API key and the operation: the same key with the same input is done once and gets the same answer, with
another input the user error `IDEMPOTENCY_KEY_REUSED`.
"""

_SUBSCRIBING = f"""\
## Following changes

With an `id`, the present state comes at once and then every change; versions never go back, and states that follow
each other quickly may come as the last of them. An `id` that does not exist is `BAD_USER_INPUT`; what was just accepted
exists. Without an `id`, everything that changes from now on comes.

Any gateway serves any subscriber. A subscription ends when the connection is lost, when the server stops, or with an
error:

| code | why | what to do |
| --- | --- | --- |
| `RESUBSCRIBE` | the gateway could not hear of changes for a while | subscribe again, then read what you show |
| `LIMIT_EXCEEDED` | more than {MAX_WAITING:,} changes were waiting to be read | the same, and read faster |
| `UNAUTHENTICATED` | the token has expired, the account or API key is gone | log in or refresh, then the same |
| `UNAVAILABLE` | what changed cannot be read now | wait a little, then the same |

So whoever shows many entities subscribes first, sends a `ping`, and reads them when its `pong` has come; of what is
read and what is told, the higher `version` is the newer. Whoever follows one entity only has to subscribe again.

The role is looked up for every change. A token that expires ends the subscription within {LOOK_AGAIN_SECONDS:g}
seconds, also where nothing changes; an account or API key that is removed ends it at once. A client that takes nothing
of what waits for it for `GATEWAY_SEND_SECONDS` is disconnected. A WebSocket is sent a ping every 20 seconds and closed
if it does not answer for as long; server-sent events get a comment every 15 seconds.
"""

_CALLERS = """\
## Who may call what

An API key may do what its role may, but for what is for people only. Of what is audited every attempt is in the audit
log, also one that is refused.

"""

_MASKED = """\
## Masked fields

Null for roles without a "yes", and not searched by `filter.text` for them either. What was masked is listed in
`extensions.masked` of the answer, or of the event of a subscription, by its path in the answer, e.g.
`["tickets.edges.0.node.body"]`: only what was asked for, and whether or not there is a value. `replayChanges` masks
`fields` and `state` in the same way, e.g. `replayChanges.0.state.reporterEmail`. All other fields are seen by whoever
is given the object.

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
| `RESUBSCRIBE` | a subscription may have missed changes: subscribe again, then read what you show |
| `LIMIT_EXCEEDED` | over one of the limits below, too much history for one answer, or a subscriber too slow to follow |
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
        [
            _HEAD,
            *_operations(api),
            _LISTS,
            _SUBSCRIBING,
            _callers(api),
            _masked(),
            _ERRORS,
            _user_error_codes(api),
            _limits(),
            _enums(api),
        ]
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


def _callers(schema: GraphQLSchema) -> str:
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    rows = [_caller(name) for root in roots if root is not None for name in root.fields]
    return _CALLERS + table(("field", "without log-in", *Role, "API keys", "audited"), rows) + "\n"


def _caller(name: str) -> tuple[str, ...]:
    public = name in PUBLIC_OPERATIONS
    roles = [_yes(public or role in OPERATIONS[name]) for role in Role]
    return f"`{name}`", _yes(public), *roles, _yes(name not in PEOPLE_ONLY), _yes(name in AUDITED)


def _masked() -> str:
    rows = [(f"`{name}`", *(_yes(role in allowed) for role in Role)) for name, allowed in masked_fields().items()]
    return _MASKED + table(("field", *Role), rows) + "\n"


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "–"


def _user_error_codes(schema: GraphQLSchema) -> str:
    codes = schema.type_map["UserErrorCode"]
    return f"Codes of `userErrors`: {code(codes.values if isinstance(codes, GraphQLEnumType) else ())}.\n"


_HOW_LIMITS_WORK = """\
## Limits

Settings of the gateway; sizes of single fields are those of the commands in [messages.md](messages.md). All but the
cost and the answer are checked before a document is validated, and all but the answer before anything of it is run.
Fragments count wherever they are used. A body over 64 KiB, or of a length that is not announced, is only read with a
valid access token or API key; others get HTTP 413. Of the mistakes in one input at most 20 are told.

An operation **costs** 1 for each field; what is selected of the entries of a page is counted once for each entry that
may come: `first` or `last`, from the document or the variables, or 20; of `replayChanges` 1,000 where no `first` is
given. `{ tickets(first: 10) { nodes { id title } } }` costs 2 + 10 * 2 = 22. Lists that are no page, such as the
entries of a changelog, count once: how long they are shows only in the answer, whose objects and size are limited.
`@skip` and `@include` change nothing. What a mutation did is done, also where its answer is too large.

**Rates** are counted for each account or API key, and for each address (of IPv6: network of 64 bits). Over one, the
answer is HTTP 429 with `Retry-After` in seconds and the code `LIMIT_EXCEEDED`; over WebSocket it is an error of the
operation. Too many of `signup`, `login`, `refreshTokens` and `logout` from one address are told as the user error
`RATE_LIMITED`.

**Persisted operations**: instead of `query`, send `documentId` (or `id`, or Apollo's
`extensions.persistedQuery.sha256Hash`) with the SHA-256 of a document that the operator has added, with
`python -m aiops_gateway persist FILES... -o operations.json`. With `GATEWAY_PERSISTED_ONLY` nothing else is served.

"""


def _limits() -> str:
    shown = [one for one in settings.variables(GatewaySettings) if one.field in _LIMITS]
    return _HOW_LIMITS_WORK + settings.as_table(shown) + "\n"


def _enums(schema: GraphQLSchema) -> str:
    enums = [
        (f"`{name}`", code(kind.values), one_line(kind.description or ""))
        for name, kind in sorted(schema.type_map.items())
        if isinstance(kind, GraphQLEnumType) and not name.startswith("__") and name != "UserErrorCode"
    ]
    return "## Enumerations\n\n" + table(("name", "values", "meaning"), enums) + "\n"
