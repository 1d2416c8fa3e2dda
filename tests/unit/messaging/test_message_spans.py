"""What spans tell about messages: names, kinds, attributes by the conventions, and nothing that a stranger wrote."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.semconv._incubating.attributes import messaging_attributes
from opentelemetry.semconv.attributes import error_attributes, server_attributes
from opentelemetry.trace import SpanKind

from aiops_common.deferral import Deferred
from aiops_common.messaging import consumer as consumer_module
from aiops_common.messaging import tracing
from aiops_common.messaging.connection import BrokerUnavailable, Server
from aiops_common.messaging.message import Poison, outgoing
from aiops_common.messaging.publisher import Unroutable
from aiops_common.messaging.tracing import Place
from support.fake_broker import FakePublisher
from support.recorded_spans import RecordedSpans, is_below, recorded_spans, status_of, told_of, traceparent_of
from unit.messaging.test_consumer import Bake, Bakery, Broken

TYPE = Bake.message_type
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
HOSTILE = "ada@example.com owes me hunter2"


@pytest.fixture(autouse=True)
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordedSpans]:
    monkeypatch.setattr(consumer_module, "BROKER_PAUSE_SECONDS", 0)
    with recorded_spans() as recorded:
        yield recorded


async def publish(publisher: FakePublisher, **changes: Any) -> None:
    await publisher.publish(outgoing(Bake(what="bread"), exchange="aiops.commands", source="aiops/test", **changes))


async def test_publishing(spans: RecordedSpans) -> None:
    publisher = FakePublisher()
    await publish(publisher, message_id=UUID(int=7), trace_headers={"traceparent": PARENT})
    span = spans.one(f"publish {TYPE}")
    (sent,) = publisher.sent
    assert span.kind is SpanKind.PRODUCER
    assert told_of(span) == {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": f"aiops.commands:{TYPE}",
        "messaging.destination.template": TYPE,
        "messaging.rabbitmq.destination.routing_key": TYPE,
        "messaging.message.id": str(UUID(int=7)),
        "messaging.message.body.size": len(sent.message.body),
        "server.address": "localhost",
    }
    assert f"{span.parent.trace_id:032x}" == TRACE if span.parent else False
    assert sent.headers["traceparent"] == traceparent_of(span)
    assert status_of(span) == ("UNSET", None)


@pytest.mark.parametrize("failure", [BrokerUnavailable(HOSTILE), Unroutable(HOSTILE)])
async def test_publishing_that_fails(spans: RecordedSpans, failure: Exception) -> None:
    publisher = FakePublisher()
    publisher.failure = failure
    with pytest.raises(type(failure)):
        await publish(publisher)
    span = spans.one(f"publish {TYPE}")
    assert status_of(span) == ("ERROR", type(failure).__name__)
    assert HOSTILE not in span.to_json()


async def test_publishing_that_nobody_waits_for_any_longer(spans: RecordedSpans) -> None:
    publisher = FakePublisher()
    publisher.failure = asyncio.CancelledError()  # type: ignore[assignment]  # as where the relay's time is over
    with pytest.raises(asyncio.CancelledError):
        await publish(publisher)
    assert status_of(spans.one(f"publish {TYPE}")) == ("ERROR", "CancelledError")


async def test_processing(spans: RecordedSpans) -> None:
    bakery = Bakery()
    await bakery.receive(routing_key=TYPE, headers={"traceparent": PARENT, "x-aiops-attempt": 2}, delivery_tag=12)
    span = spans.one(f"process {TYPE}")
    told = told_of(span)
    assert span.kind is SpanKind.CONSUMER
    assert told.pop("messaging.message.body.size")
    assert told == {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": f"aiops.commands:{TYPE}:shop.work",
        "messaging.destination.template": TYPE,
        "messaging.rabbitmq.destination.routing_key": TYPE,
        "messaging.rabbitmq.message.delivery_tag": 12,
        "messaging.message.id": str(UUID(int=1)),
        "server.address": "localhost",
        "aiops.attempt": 3,
    }
    assert span.parent is not None
    assert f"{span.parent.trace_id:032x}" == TRACE
    assert status_of(span) == ("UNSET", None)


@pytest.mark.parametrize(
    ("failure", "failed", "operation", "expected", "status"),
    [
        (Broken(HOSTILE), None, "retry", {"aiops.reason": "Broken", "aiops.retry.rung": "5s"}, "Broken"),
        (Broken(), 4, "dead_letter", {"aiops.reason": "attempts_spent"}, "attempts_spent"),
        (Poison("too_large", HOSTILE), None, "dead_letter", {"aiops.reason": "too_large"}, "too_large"),
        (Poison(HOSTILE, HOSTILE), None, "dead_letter", {"aiops.reason": "other"}, "other"),
        (Deferred("busy", retry_after=20), None, "defer", {"aiops.reason": "busy", "aiops.retry.rung": "30s"}, None),
    ],
)
async def test_a_copy_hangs_below_the_delivery_and_carries_its_own_span(
    spans: RecordedSpans, failure: Exception, failed: int | None, operation: str, expected: dict[str, Any],
    status: str | None,
) -> None:  # fmt: skip
    bakery = Bakery(failure)
    headers = {"traceparent": PARENT, **({} if failed is None else {"x-aiops-attempt": failed})}
    await bakery.receive(routing_key=TYPE, headers=headers)
    copy, process = spans.one(f"{operation} {TYPE}"), spans.one(f"process {TYPE}")
    (sent,) = bakery.publisher.sent
    assert is_below(copy, process)
    assert sent.headers["traceparent"] == traceparent_of(copy)
    assert copy.kind is SpanKind.PRODUCER
    told = told_of(copy)
    assert {name: told[name] for name in expected} == expected
    assert told["aiops.attempt"] == (failed or 0) + 1
    assert told["messaging.operation.name"] == operation
    assert told["messaging.destination.name"] == f"{sent.exchange}:{sent.routing_key}"
    assert status_of(copy) == ("UNSET", None)
    assert status_of(process) == (("UNSET" if status is None else "ERROR"), status)
    assert all(HOSTILE not in span.to_json() for span in spans.all)


async def test_the_next_attempt_is_below_the_retry(spans: RecordedSpans) -> None:
    bakery = Bakery(Broken())
    await bakery.receive(routing_key=TYPE)
    (copy,) = bakery.publisher.sent
    back = {"exchange": "", "routing_key": "shop.work", "user_id": "shop", "type": copy.message.type}
    await bakery.receive(**back, headers=copy.headers)
    first, second = spans.named(f"process {TYPE}")
    assert is_below(second, spans.one(f"retry {TYPE}"))
    assert [told_of(span)["aiops.attempt"] for span in (first, second)] == [1, 2]
    assert told_of(second)["messaging.destination.name"] == "shop.work"


async def test_a_copy_that_is_not_taken_is_an_error_and_the_next_try_is_not(spans: RecordedSpans) -> None:
    bakery = Bakery(Broken())
    bakery.publisher.failures = [BrokerUnavailable("away")]
    await bakery.receive(routing_key=TYPE)
    statuses = [status_of(span) for span in spans.named(f"retry {TYPE}")]
    assert statuses == [("ERROR", "BrokerUnavailable"), ("UNSET", None)]
    assert bakery.publisher.sent[0].headers["traceparent"] == traceparent_of(spans.named(f"retry {TYPE}")[1])


async def test_what_is_stuck_is_an_error(spans: RecordedSpans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "HOLD_SECONDS", -1)
    bakery = Bakery(Broken())
    bakery.publisher.failure = BrokerUnavailable("away")
    await bakery.receive(routing_key=TYPE)
    assert status_of(spans.one(f"process {TYPE}")) == ("ERROR", "BrokerUnavailable")


@pytest.mark.parametrize("header", ["00-1-2-01", "x" * 5000, "00-" + "0" * 32 + "-" + "0" * 16 + "-01", 5, None, {}])
async def test_a_trace_that_cannot_be_read_begins_anew(spans: RecordedSpans, header: Any) -> None:
    await Bakery().receive(routing_key=TYPE, headers={"traceparent": header})
    assert spans.one(f"process {TYPE}").parent is None


@pytest.mark.parametrize(
    "lies",
    [
        {"routing_key": HOSTILE},
        {"message_id": HOSTILE},
        {"message_id": "{" + "0" * 34 + "}"},
        {"exchange": "", "routing_key": "shop.work", "type": HOSTILE},
        {"correlation_id": HOSTILE, "content_type": HOSTILE, "user_id": HOSTILE},
        {"headers": {"traceparent": HOSTILE, "tracestate": HOSTILE, "x-aiops-attempt": HOSTILE}},
        {"routing_key": None, "message_id": None, "exchange": None, "type": None, "delivery_tag": None},
    ],
)
async def test_nothing_that_a_stranger_wrote_is_told(spans: RecordedSpans, lies: dict[str, Any]) -> None:
    await Bakery(Broken()).receive(**lies)
    told = "".join(span.to_json() for span in spans.all)
    assert spans.all
    assert "hunter2" not in told
    assert "{0000" not in told


async def test_what_is_not_recorded_costs_no_attributes_and_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_arguments: object) -> dict[str, Any]:
        raise AssertionError("nobody will read these")

    monkeypatch.setattr(tracing, "_told", never)
    with recorded_spans(ALWAYS_OFF) as unsampled:
        bakery = Bakery(Broken())
        await bakery.receive(headers={"traceparent": PARENT})
        await publish(bakery.publisher, trace_headers={"traceparent": PARENT})
        assert unsampled.all == ()
    for sent in bakery.publisher.sent:
        version, trace_id, _, flags = sent.headers["traceparent"].split("-")
        assert (version, trace_id, flags) == ("00", TRACE, "00")


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (Place("aiops.events", "a.b.v1"), "aiops.events:a.b.v1"),
        (Place("aiops.events", "a.b.v1", "shop.events"), "aiops.events:a.b.v1:shop.events"),
        (Place("", "shop.work", "shop.work"), "shop.work"),
        (Place("aiops.retry", "shop.work", "shop.work"), "aiops.retry:shop.work"),
        (Place("", "shop.requests"), "shop.requests"),
    ],
)
def test_the_name_of_a_place(place: Place, name: str) -> None:
    assert place.name == name


def test_the_names_of_attributes_are_those_of_the_conventions() -> None:
    conventions = vars(messaging_attributes) | vars(server_attributes) | vars(error_attributes)
    known = {value for name, value in conventions.items() if name.isupper()}
    ours = {
        value for name, value in vars(tracing).items() if name.isupper() and isinstance(value, str) and "." in value
    }
    assert {name for name in ours if not name.startswith("aiops.")} - known == set()
    assert {kind for kind, _ in tracing._OPERATIONS.values()} <= {
        one.value for one in messaging_attributes.MessagingOperationTypeValues
    }


def test_what_is_kept_of_constant_attributes_is_bounded() -> None:
    for number in range(10_000):
        tracing._constant("process", "other", Place(f"ingress.{number}", "other", "shop.work"), Server("localhost", 1))
    assert tracing._constant.cache_info().currsize <= 4096
