"""What is counted of operations. Labels are fields of the schema and codes of ours, never what a client wrote."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from graphql import GraphQLSchema
from opentelemetry.trace import SpanContext
from prometheus_client import Counter, Gauge, Histogram

from aiops_common.metrics import OTHER, SECONDS, observe
from aiops_gateway.graphql.errors import CODES
from aiops_gateway.graphql.roots import INTROSPECTION, INVALID, SEVERAL, Root


class Outcome(StrEnum):
    """How an operation ended: a mistake of the client's, a limit, a fault of ours, or a client that went away."""

    OK = "ok"
    USER_ERROR = "user_error"
    REFUSED = "refused"
    ERROR = "error"
    CANCELLED = "cancelled"


_OPERATIONS: Final = Counter(
    "aiops_graphql_operations_total", "Operations that were answered, or broken off", ["operation", "type", "outcome"]
)
_SECONDS: Final = Histogram(
    "aiops_graphql_operation_seconds",
    "From the beginning of an operation to its answer; of a subscription, until it is established",
    ["operation", "type"],
    buckets=SECONDS,
)
_ERRORS: Final = Counter("aiops_graphql_errors_total", "Errors that clients were told, by extensions.code", ["code"])
_SUBSCRIPTIONS: Final = Gauge(
    "aiops_graphql_subscriptions", "Subscriptions that are open on this process", ["subscription"]
)
_PUSHES: Final = Counter("aiops_graphql_pushes_total", "Changes that subscribers were told of", ["subscription"])


@dataclass(frozen=True, slots=True)
class _Series:
    seconds: Histogram
    outcomes: Mapping[Outcome, Counter]


@cache  # the library finds them anew each time, under a lock
def _series(root: Root) -> _Series:
    outcomes = {outcome: _OPERATIONS.labels(root.field, root.type, outcome.value) for outcome in Outcome}
    return _Series(_SECONDS.labels(root.field, root.type), outcomes)


def expose(schema: GraphQLSchema) -> None:
    """Let every series that there can be exist, at 0: a rate needs a value before the first one."""
    for kind, fields in (("query", schema.query_type), ("mutation", schema.mutation_type)):
        for field in (*(fields.fields if fields else ()), SEVERAL):
            _series(Root(kind, field))
    _series(Root("query", INTROSPECTION))
    _series(INVALID)
    for field in schema.subscription_type.fields if schema.subscription_type else ():
        _series(Root("subscription", field))
        _SUBSCRIPTIONS.labels(field)
        _PUSHES.labels(field)
    for code in CODES:
        _ERRORS.labels(code)


def count_operation(root: Root, outcome: Outcome, seconds: float, span: SpanContext) -> None:
    """An operation was answered, ``seconds`` after it had begun; ``span`` is where it is traced."""
    series = _series(root)
    series.outcomes[outcome].inc()
    observe(series.seconds, seconds, span)


def count_errors(codes: Iterable[str]) -> None:
    """A client was told errors of these codes."""
    for code in codes:
        _ERRORS.labels(code if code in CODES else OTHER).inc()


def count_push(subscription: str) -> None:
    """A subscriber was told of a change."""
    _PUSHES.labels(subscription).inc()


@contextmanager
def open_subscription(subscription: str) -> Iterator[None]:
    """Counts one subscription while the context lasts."""
    gauge = _SUBSCRIPTIONS.labels(subscription)
    gauge.inc()
    try:
        yield
    finally:
        gauge.dec()
