"""Statements in traces: which spans they are below, and what is told of them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import asyncpg
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import DEFAULT_OFF
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import REGISTRY

from aiops_common.batching import Batcher
from aiops_common.postgres.tracing import Told
from unit.common.recorded_spans import Recorded

URL = "postgresql://shop:hush-hush@db.example:6543/aiops"
QUERY = "INSERT INTO orders (id) VALUES ($1)"


async def _works() -> str:
    return "INSERT 0 1"


def _fails(error: BaseException) -> Callable[[], Awaitable[str]]:
    async def call() -> str:
        raise error

    return call


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def told(recorded: Recorded) -> Told:
    return Told("aiops-shop", URL, recorded.tracer)


async def test_a_statement_is_below_the_current_span(recorded: Recorded, told: Told) -> None:
    with recorded.tracer.start_as_current_span("sell") as sell:
        assert await told.run(QUERY, _works) == "INSERT 0 1"
    statement, _ = recorded.ended
    assert (statement.name, statement.kind, statement.parent) == (
        "INSERT orders",
        SpanKind.CLIENT,
        sell.get_span_context(),
    )
    assert statement.attributes == {
        "db.system.name": "postgresql",
        "db.namespace": "aiops|shop",
        "server.address": "db.example",
        "server.port": 6543,
        "db.operation.name": "INSERT",
        "db.collection.name": "orders",
        "db.query.summary": "INSERT orders",
    }
    assert statement.start_time <= statement.end_time


async def test_outside_of_a_span_nothing_is_told_but_the_time(recorded: Recorded, told: Told) -> None:
    labels = {"pool": "aiops-shop", "operation": "INSERT"}
    before = REGISTRY.get_sample_value("aiops_db_query_seconds_count", labels) or 0
    await told.run(QUERY, _works)
    unsampled = Recorded(DEFAULT_OFF).tracer
    with unsampled.start_as_current_span("sell"):
        await told.run(QUERY, _works)
    assert recorded.ended == []
    assert REGISTRY.get_sample_value("aiops_db_query_seconds_count", labels) == before + 2


async def test_the_beginning_of_a_transaction_is_not_told(recorded: Recorded, told: Told) -> None:
    with recorded.tracer.start_as_current_span("sell"):
        for query in ("BEGIN;", QUERY, "COMMIT;"):
            await told.run(query, _works)
    assert [span.name for span in recorded.ended] == ["INSERT orders", "COMMIT", "sell"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            asyncpg.UniqueViolationError("Key (email)=(anna@example.com) already exists."),
            {"error.type": "23505", "db.response.status_code": "23505"},
        ),
        (ConnectionResetError("by anna@example.com"), {"error.type": "ConnectionResetError"}),
        (asyncio.CancelledError(), {"error.type": "CancelledError"}),
    ],
)
async def test_a_failure_is_told_by_its_kind(
    recorded: Recorded, told: Told, error: BaseException, expected: dict[str, str]
) -> None:
    with recorded.tracer.start_as_current_span("sell"), pytest.raises(type(error)):
        await told.run(QUERY, _fails(error))
    failed = recorded.ended[0]
    assert failed.status_code is StatusCode.ERROR
    assert {name: failed.attributes.get(name) for name in expected} == expected
    assert "anna" not in str((failed.attributes, failed.events, failed.status_description))


class Shop:
    """Sells through one flush for all who wait; each sale in a span of its own, unless it is nobody's."""

    def __init__(self, recorded: Recorded, told: Told) -> None:
        self._recorded = recorded
        self._told = told
        self._batcher: Batcher[str, str] = Batcher(self._flush)

    async def sell(self, what: str, *, traced: bool = True) -> str:
        if not traced:
            return await self._batcher.submit(what)
        with self._recorded.tracer.start_as_current_span(f"sell {what}"):
            return await self._batcher.submit(what)

    async def _flush(self, items: Sequence[str]) -> list[str]:
        if "bad" in items:
            await self._told.run("DELETE FROM orders", _fails(ValueError()))
        await self._told.run(QUERY, _works)
        return list(items)


def _statements(recorded: Recorded) -> list[tuple[str, str]]:
    """(statement, what it was done for), sorted."""
    names = {span.context.span_id: span.name for span in recorded.ended}
    return sorted((span.name, names[span.parent.span_id]) for span in recorded.ended if span.parent)


async def test_what_one_flush_does_stands_in_the_trace_of_every_caller(recorded: Recorded, told: Told) -> None:
    shop = Shop(recorded, told)
    await asyncio.gather(shop.sell("tea"), shop.sell("salt"), shop.sell("bread", traced=False))
    assert _statements(recorded) == [("INSERT orders", "sell salt"), ("INSERT orders", "sell tea")]
    statements = [span for span in recorded.ended if span.parent]
    assert len({span.context.trace_id for span in statements}) == 2
    assert {(span.start_time, span.end_time) for span in statements} == {
        (statements[0].start_time, statements[0].end_time)
    }
    assert {span.attributes["db.operation.batch.size"] for span in statements} == {3}


async def test_a_caller_who_is_alone_has_no_batch(recorded: Recorded, told: Told) -> None:
    await Shop(recorded, told).sell("tea")
    assert "db.operation.batch.size" not in recorded.ended[0].attributes


async def test_what_is_done_again_one_by_one_is_told_to_each_alone(recorded: Recorded, told: Told) -> None:
    shop = Shop(recorded, told)
    await asyncio.gather(shop.sell("tea"), shop.sell("bad"), return_exceptions=True)
    assert _statements(recorded) == [
        *(("DELETE orders", "sell bad"), ("DELETE orders", "sell bad"), ("DELETE orders", "sell tea")),
        ("INSERT orders", "sell tea"),
    ]


async def test_a_flush_for_nobody_who_is_recorded_leaves_nothing(recorded: Recorded, told: Told) -> None:
    await Shop(recorded, told).sell("tea", traced=False)
    assert recorded.ended == []
    assert not trace.get_current_span().is_recording()
