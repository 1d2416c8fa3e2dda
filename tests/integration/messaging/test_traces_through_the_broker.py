"""One trace through a real broker: attempts below the retry before them, dead letters, replays, deferrals, partners."""

from collections.abc import AsyncIterator, Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from aiops_common.deferral import Deferred
from aiops_common.messaging.deadletter import DeadLetters, Selection
from aiops_common.messaging.message import Delivery, Poison
from aiops_contracts.triage import TriageTicket
from integration.messaging.conftest import Handled
from integration.messaging.test_consumer import envelope, send_as_gateway, send_as_partner
from support.eventually import eventually
from support.queues import purge, take
from support.recorded_spans import RecordedSpans, context_of, is_below, recorded_spans, status_of, told_of
from support.servers import Broker

TYPE = TriageTicket.message_type
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def spans() -> Iterator[RecordedSpans]:
    with recorded_spans() as recorded:
        yield recorded


@pytest.fixture
async def office(broker: Broker) -> AsyncIterator[DeadLetters]:
    office = DeadLetters(broker.url_for("operator"), name="test-operator")
    yield office
    await office.stop()


async def ended(spans: RecordedSpans, name: str, count: int) -> list[ReadableSpan]:
    async def enough() -> bool:
        return len(spans.named(name)) >= count

    await eventually(enough, seconds=30)
    found = spans.named(name)
    assert len(found) == count
    return found


def fails_times(handled: Handled, error: Exception, times: int) -> None:
    async def behave(_delivery: Delivery[TriageTicket]) -> None:
        if len(handled.deliveries) <= times:
            raise error

    handled.behave = behave


def of_one_trace(*spans: ReadableSpan) -> bool:
    return len({context_of(span).trace_id for span in spans}) == 1


async def test_the_second_attempt_is_below_the_retry(spans: RecordedSpans, handled: Handled, broker: Broker) -> None:
    fails_times(handled, RuntimeError("broken"), 1)
    await send_as_gateway(broker, "tried twice")
    first, second = await ended(spans, f"process {TYPE}", 2)
    published, retried = spans.one(f"publish {TYPE}"), spans.one(f"retry {TYPE}")
    assert (is_below(first, published), is_below(retried, first), is_below(second, retried)) == (True, True, True)
    assert of_one_trace(*spans.all)
    assert [told_of(one)["aiops.attempt"] for one in (first, retried, second)] == [1, 1, 2]
    assert (status_of(first), status_of(second)) == (("ERROR", "RuntimeError"), ("UNSET", None))
    names = [told_of(one)["messaging.destination.name"] for one in (published, first, retried, second)]
    assert names == [
        f"aiops.commands:{TYPE}",
        f"aiops.commands:{TYPE}:triage.work",
        "aiops.retry:triage.retry.5s",
        "triage.work",
    ]


async def test_a_deferred_message_stays_in_its_trace_and_spends_no_attempt(
    spans: RecordedSpans, handled: Handled, broker: Broker
) -> None:
    fails_times(handled, Deferred("busy", retry_after=1), 1)
    await send_as_gateway(broker, "deferred")
    first, second = await ended(spans, f"process {TYPE}", 2)
    deferred = spans.one(f"defer {TYPE}")
    assert (is_below(deferred, first), is_below(second, deferred)) == (True, True)
    assert [told_of(one)["aiops.attempt"] for one in (first, second)] == [1, 1]
    assert status_of(first) == ("UNSET", None)


async def test_a_replay_links_the_dead_letter_and_goes_on_in_the_operators_trace(
    spans: RecordedSpans, handled: Handled, broker: Broker, office: DeadLetters
) -> None:
    fails_times(handled, Poison("bad_payload", "nobody can do that"), 1)
    await send_as_gateway(broker, "poison")
    (first,) = await ended(spans, f"process {TYPE}", 1)
    died = spans.one(f"dead_letter {TYPE}")
    assert is_below(died, first)
    with spans.tracer.start_as_current_span("mutation") as operator:
        (letter,) = await office.replay("triage.dead", Selection())
    assert letter.trace_id == f"{context_of(first).trace_id:032x}"
    _, again = await ended(spans, f"process {TYPE}", 2)
    replayed = spans.one(f"replay {TYPE}")
    assert [link.context.span_id for link in replayed.links] == [context_of(died).span_id]
    assert replayed.parent == operator.get_span_context()
    assert is_below(again, replayed)
    assert told_of(replayed)["aiops.reason"] == "bad_payload"
    assert told_of(again)["aiops.attempt"] == 1
    assert not of_one_trace(first, again)


async def test_a_partners_trace_is_continued(spans: RecordedSpans, handled: Handled, broker: Broker) -> None:
    await send_as_partner(broker, envelope(), headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})
    (process,) = await ended(spans, f"process {TYPE}", 1)
    assert process.parent is not None
    assert (f"{process.parent.trace_id:032x}", f"{process.parent.span_id:016x}") == (TRACE, CALLER)
    assert told_of(process)["messaging.destination.name"] == f"ingress.acme:{TYPE}:triage.work"


@pytest.mark.parametrize("header", ["00-abc-def-01", f"00-{'0' * 32}-{CALLER}-01", "x" * 3000, 5, True, {"a": 1}])
async def test_a_trace_that_a_partner_garbled_begins_anew(
    spans: RecordedSpans, handled: Handled, broker: Broker, header: object
) -> None:
    await send_as_partner(broker, envelope(), headers={"traceparent": header})
    (process,) = await ended(spans, f"process {TYPE}", 1)
    assert process.parent is None
    assert status_of(process) == ("UNSET", None)


async def test_what_a_partner_writes_everywhere_is_told_nowhere(
    spans: RecordedSpans, handled: Handled, broker: Broker
) -> None:
    secret = "hunter2 of ada@example.com"
    await send_as_partner(
        broker,
        envelope(type=secret, source=secret, subject=secret),
        message_id=secret,
        type=secret,
        correlation_id=secret,
        app_id=secret,
        headers={"traceparent": f"00-{TRACE}-{CALLER}-01", "x-aiops-reason": secret, "CC": [secret]},
    )
    dead = await eventually(lambda: take(broker.amqp_url, "triage.dead"))
    assert dead.headers["x-aiops-reason"] == "unsupported_type"
    (process,) = await ended(spans, f"process {TYPE}", 1)
    assert status_of(process) == ("ERROR", "unsupported_type")
    assert [span.name for span in spans.all if "hunter2" in span.to_json()] == []
    await purge(broker.amqp_url, "triage.work", "triage.dead")
