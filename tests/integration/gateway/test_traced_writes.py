"""Where a row was written last stands with it, so that whoever tells subscribers of it goes on with that trace."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span
from prometheus_client import REGISTRY

from aiops_common.messaging.message import Delivery, Outgoing, traceparent
from aiops_common.postgres import Listener, Pool
from aiops_contracts.base import Event
from aiops_contracts.triage import TicketSnapshot, TicketTriaged
from aiops_gateway.auth import TokenVerifier
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.projections import Projector
from aiops_gateway.repository import acceptance, read_model, rebuild
from aiops_gateway.repository.read_model import TICKETS
from aiops_gateway.service.changes import Changes
from aiops_gateway.service.reading import Reader, Seen
from aiops_gateway.service.viewers import Viewers
from integration.gateway.conftest import listening, ticket
from integration.gateway.test_changes import seen

VIEWER = Viewer(uuid4(), Role.VIEWER)


def span(number: int, *, sampled: bool = True) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    return SpanContext(trace_id=number, span_id=number, is_remote=False, trace_flags=flags)


def event(snapshot: TicketSnapshot, *, seconds_ago: float = 0.0) -> Delivery[Event]:
    time = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return Delivery(uuid4(), TicketTriaged(ticket=snapshot), "triage", 1, time)


async def written_by(pool: Pool, snapshot: TicketSnapshot) -> str | None:
    async with pool.connection() as connection:
        return (await read_model.get_many(connection, TICKETS, [snapshot.id]))[snapshot.id].traceparent


async def test_each_event_of_a_batch_leaves_its_own_place(pool: Pool) -> None:
    projector, tickets = Projector(pool), [ticket(version=1) for _ in range(5)]

    async def apply(number: int, snapshot: TicketSnapshot) -> None:
        with use_span(NonRecordingSpan(span(number, sampled=number != 3))):
            await projector.apply(event(snapshot))

    await asyncio.gather(*(apply(number, one) for number, one in enumerate(tickets, start=1)))
    expected = [traceparent(span(number)) if number != 3 else None for number in range(1, 6)]
    assert [await written_by(pool, one) for one in tickets] == expected


async def test_the_newest_version_of_a_batch_tells_and_an_older_one_later_does_not(pool: Pool) -> None:
    old, new = ticket(version=1), ticket(version=2)
    new = new.model_copy(update={"id": old.id})
    async with pool.transaction() as connection:
        places = [traceparent(span(number)) for number in (1, 2, 3)]
        await read_model.project(connection, TICKETS, [old, new, old], places)
        await read_model.project(connection, TICKETS, [old], [traceparent(span(4))])
    assert await written_by(pool, old) == traceparent(span(2))


async def test_a_write_outside_of_any_trace_takes_the_old_place_away(pool: Pool) -> None:
    first = ticket(version=1)
    for number, snapshot in ((1, first), (None, first.model_copy(update={"version": 2}))):
        async with pool.transaction() as connection:
            await read_model.project(connection, TICKETS, [snapshot], [traceparent(span(number))] if number else [])
    assert await written_by(pool, first) is None


async def test_a_repair_belongs_to_no_trace(pool: Pool) -> None:
    first = ticket("first", version=1)
    async with pool.transaction() as connection:
        await read_model.project(connection, TICKETS, [first], [traceparent(span(1))])
        assert await rebuild.repair(connection, TICKETS, [first.model_copy(update={"title": "other"})]) == 1
    assert await written_by(pool, first) is None


async def test_accepted_work_has_the_place_of_its_request(pool: Pool) -> None:
    pending = [ticket(), ticket()]
    commands = [
        Outgoing(one.id, "aiops.commands", "x.y.v1", b"{}", {"traceparent": traceparent(span(7, sampled=recorded))})
        for one, recorded in zip(pending, (True, False), strict=True)
    ]
    async with pool.transaction() as connection:
        works = [(one, None, command) for one, command in zip(pending, commands, strict=True)]
        await acceptance.accept(connection, TICKETS, works, lease_seconds=1)
    assert [await written_by(pool, one) for one in pending] == [traceparent(span(7)), None]


@pytest.fixture
async def reader(pool: Pool, listener: Listener) -> Reader:
    reader = Reader(pool, Changes(listener, Viewers(pool, TokenVerifier(issuer="i", audience="a"))))
    await listening(listener)
    return reader


async def test_a_subscriber_of_another_process_is_told_where_a_change_was_written(pool: Pool, reader: Reader) -> None:
    first = ticket(version=1)
    async with pool.transaction() as connection:
        await read_model.project(connection, TICKETS, [first], [traceparent(span(1))])
    changes = reader.watch(TICKETS, first.id, VIEWER)
    assert await seen(changes) == Seen(first, is_change=False)
    second = first.model_copy(update={"version": 2})
    async with pool.transaction() as connection:
        await read_model.project(connection, TICKETS, [second], [traceparent(span(2))])
    assert await seen(changes) == Seen(second, is_change=True, traceparent=traceparent(span(2)))


async def test_the_lag_is_counted_from_the_event_s_time(pool: Pool) -> None:
    labels = {"message_type": TicketTriaged.message_type}

    def lag() -> tuple[float, float]:
        name = "aiops_projection_lag_seconds"
        found = [REGISTRY.get_sample_value(f"{name}_{part}", labels) for part in ("count", "sum")]
        return found[0] or 0.0, found[1] or 0.0

    before = lag()
    await Projector(pool).apply(event(ticket(version=1), seconds_ago=100))
    await Projector(pool).apply(event(ticket(version=1), seconds_ago=-3600))  # by a clock that is ahead
    count, total = lag()
    assert count == before[0] + 2
    assert 100 <= total - before[1] < 160
