"""A request and its answer as spans and metrics: one below the other, named by the type, told apart by outcome."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from opentelemetry.trace import SpanKind

from aiops_common.messaging.connection import BrokerUnavailable
from aiops_common.messaging.requests import NoReply
from support.metrics import Counted
from support.recorded_spans import RecordedSpans, recorded_spans, status_of, told_of, traceparent_of
from unit.messaging.test_requests import Loopback, Price, Shop, _ask

TYPE = Price.message_type
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def spans() -> Iterator[RecordedSpans]:
    with recorded_spans() as recorded:
        yield recorded


async def test_asking(spans: RecordedSpans) -> None:
    requester, asked = Loopback(), Counted("aiops_requests_asked_total", message_type=TYPE, outcome="answered")
    seconds = Counted("aiops_request_seconds_count", message_type=TYPE)
    with spans.tracer.start_as_current_span("mutation") as outer:
        task = _ask(requester)
        await requester.asked_by_now(1)
    request, key, _ = requester.asked[0]
    await requester.answer(key, {"answer": {"cents": 1}})
    await task
    span = spans.one(f"request {TYPE}")
    told = told_of(span)
    assert told.pop("messaging.message.body.size")
    assert span.kind is SpanKind.CLIENT
    assert span.parent == outer.get_span_context()
    assert told == {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "request",
        "messaging.operation.type": "send",
        "messaging.destination.name": "shop.requests",
        "messaging.destination.template": TYPE,
        "messaging.rabbitmq.destination.routing_key": "shop.requests",
        "messaging.message.id": str(request.id),
        "messaging.message.conversation_id": key,
        "server.address": "localhost",
    }
    assert request.headers["traceparent"] == traceparent_of(span)
    assert (asked.more, seconds.more) == (1, 1)


async def test_asking_in_vain(spans: RecordedSpans) -> None:
    requester, asked = Loopback(), Counted("aiops_requests_asked_total", message_type=TYPE, outcome="no_reply")
    requester.failure = BrokerUnavailable("away")
    with pytest.raises(NoReply):
        await _ask(requester)
    assert status_of(spans.one(f"request {TYPE}")) == ("ERROR", "NoReply")
    assert asked.more == 1


async def test_whoever_goes_away_is_no_failure_of_the_owner(spans: RecordedSpans) -> None:
    requester = Loopback()
    counted = [
        Counted("aiops_requests_asked_total", message_type=TYPE, outcome=one) for one in ("answered", "no_reply")
    ]
    task = _ask(requester)
    await requester.asked_by_now(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert status_of(spans.one(f"request {TYPE}")) == ("ERROR", "CancelledError")
    assert [one.more for one in counted] == [0, 0]


async def test_answering(spans: RecordedSpans) -> None:
    answered = Counted("aiops_requests_answered_total", message_type=TYPE, outcome="answered")
    conversation = str(UUID(int=5))
    await Shop().receive(type=TYPE, headers={"traceparent": PARENT}, correlation_id=conversation)
    span = spans.one(f"answer {TYPE}")
    told = told_of(span)
    assert span.kind is SpanKind.SERVER
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == PARENT.split("-")[2]
    assert (told["messaging.operation.name"], told["messaging.operation.type"]) == ("answer", "process")
    assert (told["messaging.destination.name"], told["messaging.message.conversation_id"]) == (
        "shop.requests",
        conversation,
    )
    assert status_of(span) == ("UNSET", None)
    assert answered.more == 1


@pytest.mark.parametrize(
    ("failure", "request_", "outcome", "name", "error"),
    [
        (RuntimeError("hunter2"), {"type": TYPE}, "fault", TYPE, "RuntimeError"),
        (None, {"type": TYPE, "body": b"{"}, "refused", TYPE, "Poison"),
        (None, {"type": TYPE, "user_id": "acme"}, "refused", TYPE, "Poison"),
        (RuntimeError("hunter2"), {"type": "hunter2", "correlation_id": "hunter2"}, "fault", "other", "RuntimeError"),
        (RuntimeError("hunter2"), {"type": None, "message_id": "hunter2"}, "fault", "other", "RuntimeError"),
    ],
)
async def test_what_is_not_answered(
    spans: RecordedSpans, failure: Exception | None, request_: dict[str, Any], outcome: str, name: str, error: str
) -> None:
    counted = Counted("aiops_requests_answered_total", message_type=name, outcome=outcome)
    shop = Shop()
    shop.failure = failure
    await shop.receive(**request_)
    span = spans.one(f"answer {name}")
    assert status_of(span) == ("ERROR", error)
    assert "hunter2" not in span.to_json()
    assert counted.more == 1
