"""Connections that tell of their statements: a span in each trace that a statement belongs to, and a histogram.

A statement is told of where a span is recorded: the current one, or those of the callers that a shared flush works for
(aiops_common.telemetry.working_for). Elsewhere (relays, probes, sweeps) only the histogram knows it. Neither ever holds
a parameter or the text of a statement.

https://opentelemetry.io/docs/specs/semconv/database/postgresql/
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from opentelemetry import trace
from opentelemetry.util.types import AttributeValue
from prometheus_client import Histogram

from aiops_common.metrics import observe
from aiops_common.postgres.metrics import QUERIES
from aiops_common.postgres.statements import Statement, described
from aiops_common.telemetry import Shared, work_in_hand

_tracer = trace.get_tracer(__name__)


class Told:
    """Where the statements of one pool are told of."""

    def __init__(self, pool: str, url: str, tracer: trace.Tracer = _tracer) -> None:
        self._pool = pool
        self._tracer = tracer
        self._server = _server(url)
        self._histograms: dict[str, Histogram] = {}
        self._attributes: dict[Statement, dict[str, AttributeValue]] = {}

    async def run(self, query: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """Await ``call()``, which executes ``query``, and tell of it."""
        statement = described(query)
        if statement is None:
            return await call()
        # How long it took is measured by a clock that nobody sets.
        started, began, error = time.time_ns(), time.perf_counter_ns(), None
        try:
            return await call()
        except BaseException as raised:
            error = raised
            raise
        finally:
            self._tell(statement, started, started + time.perf_counter_ns() - began, error)

    def _tell(self, statement: Statement, started: int, ended: int, error: BaseException | None) -> None:
        histogram = self._histograms.get(statement.operation)
        if histogram is None:
            histogram = self._histograms[statement.operation] = QUERIES.labels(self._pool, statement.operation)
        observe(histogram, (ended - started) / 1e9)
        if (work := work_in_hand()).parents:
            self._tell_traces(statement, work, (started, ended), error)

    def _tell_traces(
        self, statement: Statement, work: Shared, times: tuple[int, int], error: BaseException | None
    ) -> None:
        attributes = self._attributes_of(statement)
        if work.size > 1:
            attributes = {**attributes, "db.operation.batch.size": work.size}
        if error is not None:
            attributes = {**attributes, **_of_error(error)}
        for parent in work.parents:
            span = self._tracer.start_span(
                statement.title,
                trace.set_span_in_context(parent),
                trace.SpanKind.CLIENT,
                attributes,
                start_time=times[0],
            )
            if error is not None:
                span.set_status(trace.StatusCode.ERROR)
            span.end(times[1])

    def _attributes_of(self, statement: Statement) -> Mapping[str, AttributeValue]:
        known = self._attributes.get(statement)
        if known is None:
            known = self._attributes[statement] = {
                **self._server,
                "db.operation.name": statement.operation,
                "db.query.summary": statement.title,
                **({"db.collection.name": statement.collection} if statement.collection else {}),
            }
        return known


def connection_class(told: Told) -> type[asyncpg.Connection]:
    """A class of connections whose statements ``told`` hears of; cursors and COPY are left out."""

    class TellingConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg is not typed
        async def execute(self, query: str, *args: Any, **options: Any) -> Any:
            return await told.run(query, lambda: super(TellingConnection, self).execute(query, *args, **options))

        async def executemany(self, query: str, args: Any, **options: Any) -> Any:
            return await told.run(query, lambda: super(TellingConnection, self).executemany(query, args, **options))

        async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
            return await told.run(query, lambda: super(TellingConnection, self).fetch(query, *args, **options))

        async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
            return await told.run(query, lambda: super(TellingConnection, self).fetchval(query, *args, **options))

        async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
            return await told.run(query, lambda: super(TellingConnection, self).fetchrow(query, *args, **options))

    return TellingConnection


def _server(url: str) -> dict[str, AttributeValue]:
    parts = urlsplit(url)
    # "{database}|{schema}", by the convention. Each role has a schema of its own name, where what it writes lies.
    namespace = "|".join(part for part in (parts.path.strip("/"), parts.username) if part)
    told: dict[str, AttributeValue] = {"db.system.name": "postgresql", "db.namespace": namespace}
    if parts.hostname:
        told["server.address"] = parts.hostname
    return told | ({"server.port": parts.port} if parts.port else {})


def _of_error(error: BaseException) -> dict[str, AttributeValue]:
    """The class of the exception, or what PostgreSQL called it: never its message, which quotes values."""
    if (code := getattr(error, "sqlstate", None)) is None:
        return {"error.type": type(error).__qualname__}
    return {"error.type": code, "db.response.status_code": code}
