"""From delivery to acknowledgement: what is settled how, in which order, and on whose behalf."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from aiops_common.deferral import Deferred
from aiops_common.messaging import consumer as consumer_module
from aiops_common.messaging.connection import BrokerUnavailable
from aiops_common.messaging.consumer import Consumer, Handler
from aiops_common.messaging.message import Delivery, Poison
from aiops_common.messaging.publisher import Unroutable
from aiops_common.messaging.retry import RetryPolicy
from aiops_common.postgres import DatabaseUnavailable
from aiops_contracts.base import Command, JobFailure
from support.fake_broker import FakeChannel, FakeIncoming, FakePublisher


class Bake(Command):
    """A command of nobody."""

    message_type: ClassVar[str] = "test_consumer.bake.v1"
    what: str


class Broken(Exception):
    """The oven is broken."""


class Bakery:
    """A handler and its consumer; ``failures`` are raised one after the other before it works."""

    def __init__(self, *failures: Exception, max_attempts: int = 5) -> None:
        self.journal: list[str] = []
        self.failures = list(failures)
        self.takes_seconds = 0.0
        self.give_up_failures: list[Exception] = []
        self.deliveries: list[Delivery[Any]] = []
        self.given_up: list[JobFailure] = []
        self.publisher = FakePublisher(self.journal)
        self.consumer = Consumer(
            owner="shop",
            queue="shop.work",
            handlers={Bake.message_type: Handler(Bake, self.bake, self.give_up)},
            publisher=self.publisher,
            trusted_users=frozenset({"gateway", "shop"}),
            policy=RetryPolicy(max_attempts=max_attempts),
        )

    async def bake(self, delivery: Delivery[Any]) -> None:
        self.deliveries.append(delivery)
        await asyncio.sleep(self.takes_seconds)
        if self.failures:
            raise self.failures.pop(0)
        self.journal.append("baked")

    async def give_up(self, _delivery: Delivery[Any], failure: JobFailure) -> None:
        if self.give_up_failures:
            raise self.give_up_failures.pop(0)
        self.given_up.append(failure)
        self.journal.append("given up")

    async def receive(self, **changes: Any) -> None:
        incoming = FakeIncoming(**{"body": body(), "journal": self.journal, **changes})
        await self.consumer.process(incoming.raw)


def body(**changes: Any) -> bytes:
    envelope: dict[str, Any] = {
        "id": str(UUID(int=1)),
        "source": "aiops/test",
        "type": Bake.message_type,
        "time": "2025-03-04T09:15:00Z",
        "data": {"what": "bread"},
    }
    return json.dumps({**envelope, **changes}).encode()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "DATABASE_PAUSE_SECONDS", 0)
    monkeypatch.setattr(consumer_module, "BROKER_PAUSE_SECONDS", 0)


async def test_a_message_is_acknowledged_once_it_is_handled() -> None:
    bakery = Bakery()
    await bakery.receive()
    assert bakery.journal == ["baked", "ack"]
    (delivery,) = bakery.deliveries
    assert (delivery.id, delivery.message, delivery.attempt) == (UUID(int=1), Bake(what="bread"), 1)


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("not_json", {"body": b"{"}),
        ("not_json", {"body": b""}),
        ("bad_envelope", {"body": b"{}"}),
        ("bad_payload", {"body": body(data={})}),
        ("too_deep", {"body": body(data={"what": "bread", "unknown": json.loads("[" * 500 + "]" * 500)})}),
        ("unsupported_type", {"body": body(type="test_consumer.bake.v2")}),
        ("content_type", {"content_type": "text/plain"}),
        ("content_type", {"content_type": None}),
        ("no_user_id", {"user_id": None}),
        ("no_user_id", {"user_id": ""}),
    ],
)
async def test_poison_is_dead_at_the_first_attempt(reason: str, changes: dict[str, Any]) -> None:
    bakery = Bakery()
    await bakery.receive(**changes)
    assert bakery.journal == ["publish shop.dead", "ack"]
    (dead,) = bakery.publisher.sent
    assert dead.exchange == "aiops.dead"
    assert dead.message.body == changes.get("body", body())
    assert dead.headers["x-aiops-reason"] == reason
    assert dead.headers["x-aiops-error-class"] == "Poison"
    assert dead.headers["x-aiops-attempt"] == 1
    assert (dead.headers["x-aiops-type"], dead.headers["x-aiops-queue"]) == ("shop.do.v1", "shop.work")
    assert len(dead.headers["x-aiops-trace-id"]) == 32
    assert UUID(dead.headers["x-aiops-dead-id"]).version == 7
    assert abs(dead.headers["x-aiops-dead-at"] - time.time_ns() // 1_000_000) < 60_000
    assert bakery.deliveries == []


async def test_poison_that_a_handler_finds_is_told_to_whoever_waits_for_it_first() -> None:
    bakery = Bakery(Poison("too_large", "nobody can eat that"))
    await bakery.receive()
    assert bakery.journal == ["given up", "publish shop.dead", "ack"]
    assert bakery.given_up == [JobFailure(code="too_large", message="nobody can eat that", attempts=1)]


@pytest.mark.parametrize(
    ("failed", "rung", "seconds"), [(None, "5s", 5), (1, "30s", 30), (2, "2m", 120), (3, "10m", 600)]
)
async def test_a_failure_climbs_the_ladder(failed: int | None, rung: str, seconds: float) -> None:
    bakery = Bakery(Broken())
    await bakery.receive(headers={} if failed is None else {"x-aiops-attempt": failed})
    assert bakery.journal == [f"publish shop.retry.{rung}", "ack"]
    (copy,) = bakery.publisher.sent
    assert (copy.exchange, copy.message.body) == ("aiops.retry", body())
    assert (copy.message.message_id, copy.message.content_type) == (str(UUID(int=1)), "application/json")
    assert (copy.message.user_id, copy.message.delivery_mode) == ("shop", 2)
    assert copy.headers["x-aiops-attempt"] == (failed or 0) + 1
    assert isinstance(copy.message.expiration, float)
    assert seconds * 0.7 <= copy.message.expiration <= seconds
    assert bakery.given_up == []


async def test_after_the_last_attempt_it_is_given_up_and_then_dead() -> None:
    bakery = Bakery(Broken("the oven is cold"))
    await bakery.receive(headers={"x-aiops-attempt": 4})
    assert bakery.journal == ["given up", "publish shop.dead", "ack"]
    # Everybody may read why work failed, and an error that is not ours may quote what the message says.
    told = "Broken; its dead letter says more"
    assert bakery.given_up == [JobFailure(code="attempts_spent", message=told, attempts=5)]
    headers = bakery.publisher.sent[0].headers
    assert (headers["x-aiops-reason"], headers["x-aiops-error-class"]) == ("attempts_spent", "Broken")
    assert headers["x-aiops-attempt"] == 5


async def test_the_number_of_attempts_is_a_setting() -> None:
    bakery = Bakery(Broken(), max_attempts=1)
    await bakery.receive()
    assert bakery.journal == ["given up", "publish shop.dead", "ack"]


@pytest.mark.parametrize("header", [-1, 1000, "2", 1.5, None, b"2", {"a": 1}])
async def test_an_attempt_that_cannot_be_is_the_first(header: Any) -> None:
    bakery = Bakery(Broken())
    await bakery.receive(headers={"x-aiops-attempt": header})
    assert bakery.deliveries[0].attempt == 1
    assert bakery.journal == ["publish shop.retry.5s", "ack"]


async def test_what_a_dead_letter_tells_is_redacted_and_short() -> None:
    bakery = Bakery(Broken("ada@example.com cannot log in" + " at all" * 1000), max_attempts=1)
    await bakery.receive()
    told = bakery.publisher.sent[0].headers["x-aiops-error"]
    assert "ada@example.com" not in told
    assert "<EMAIL_1> cannot log in" in told
    assert len(told) <= 1000
    assert "log in" not in bakery.given_up[0].message


@pytest.mark.parametrize(
    ("delivery", "attempt"),
    [({"headers": {"x-delivery-count": 3}}, 1), ({"headers": {"x-delivery-count": 7, "x-aiops-attempt": 2}}, 3)],
)
async def test_a_message_whose_consumers_end_has_failed_an_attempt(delivery: dict[str, Any], attempt: int) -> None:
    bakery = Bakery()
    await bakery.receive(redelivered=True, **delivery)
    (copy,) = bakery.publisher.sent
    assert (copy.exchange, copy.headers["x-aiops-attempt"]) == ("aiops.retry", attempt)
    assert "x-delivery-count" not in copy.headers
    assert bakery.deliveries == []


async def test_a_message_whose_consumers_always_end_is_given_up() -> None:
    bakery = Bakery()
    await bakery.receive(redelivered=True, headers={"x-delivery-count": 3, "x-aiops-attempt": 4})
    assert bakery.journal == ["given up", "publish shop.dead", "ack"]
    assert bakery.given_up[0].code == "attempts_spent"
    assert "ended 3 times" in bakery.given_up[0].message


@pytest.mark.parametrize(
    "delivery", [{"redelivered": True, "headers": {"x-delivery-count": 2}}, {"headers": {"x-delivery-count": 9}}]
)
async def test_a_consumer_may_end_and_nobody_can_make_it_up(delivery: dict[str, Any]) -> None:
    bakery = Bakery()
    await bakery.receive(**delivery)
    assert bakery.journal == ["baked", "ack"]


async def test_a_lost_message_of_nobody_does_not_become_ours() -> None:
    bakery = Bakery()
    await bakery.receive(redelivered=True, user_id=None, headers={"x-delivery-count": 3})
    (dead,) = bakery.publisher.sent
    assert (dead.exchange, dead.headers["x-aiops-reason"]) == ("aiops.dead", "no_user_id")


async def test_without_a_database_it_waits_and_spends_no_attempt() -> None:
    bakery = Bakery(*(DatabaseUnavailable("away") for _ in range(7)))
    await bakery.receive()
    assert bakery.journal == ["baked", "ack"]
    assert [delivery.attempt for delivery in bakery.deliveries] == [1] * 8


async def test_giving_up_waits_for_the_database_too() -> None:
    bakery = Bakery(Broken(), max_attempts=1)
    bakery.give_up_failures = [DatabaseUnavailable("away"), DatabaseUnavailable("away")]
    await bakery.receive()
    assert bakery.journal == ["given up", "publish shop.dead", "ack"]


@pytest.mark.parametrize("failure", [Broken(), Poison("bad", "bad")])
async def test_what_neither_ladder_nor_dead_queue_takes_goes_back_in_the_end(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "HOLD_SECONDS", -1)
    bakery = Bakery(failure)
    bakery.publisher.failure = BrokerUnavailable("away")
    await bakery.receive()
    assert bakery.journal[-1] == "reject requeue=True"
    assert "ack" not in bakery.journal


async def test_all_steps_of_a_delivery_share_the_time_for_which_it_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "HOLD_SECONDS", 0.05)
    bakery = Bakery(Broken())
    bakery.takes_seconds = 0.1
    bakery.publisher.failures = [BrokerUnavailable("away")]
    await bakery.receive()
    assert bakery.journal == ["reject requeue=True"]


@pytest.mark.parametrize("failure", [Broken(), Poison("bad", "bad"), Deferred("later")])
@pytest.mark.parametrize("outage", [BrokerUnavailable("away"), Unroutable("full")])
async def test_while_no_copy_is_taken_it_waits_here(failure: Exception, outage: Exception) -> None:
    bakery = Bakery(failure)
    bakery.publisher.failures = [outage, outage, outage]
    await bakery.receive()
    assert len(bakery.publisher.sent) == 1
    assert bakery.journal[-1] == "ack"
    assert "reject requeue=True" not in bakery.journal


async def test_what_the_broker_will_deliver_again_is_left_alone() -> None:
    bakery = Bakery(Poison("bad", "bad"))
    bakery.publisher.failure = BrokerUnavailable("away")
    await bakery.receive(channel=FakeChannel(is_closed=True))
    assert bakery.journal == ["given up"]
    bakery = Bakery()
    await bakery.receive(channel=FakeChannel(is_closed=True))
    assert bakery.journal == ["baked"]


async def test_a_database_that_stays_away_spends_no_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "HOLD_SECONDS", -1)
    bakery = Bakery(DatabaseUnavailable("away"))
    await bakery.receive()
    assert bakery.journal == ["reject requeue=True"]


async def test_a_give_up_that_fails_leaves_the_message_where_it_is() -> None:
    bakery = Bakery(Broken(), max_attempts=1)
    bakery.give_up_failures = [Broken()]
    await bakery.receive()
    assert bakery.journal == ["reject requeue=True"]


@pytest.mark.parametrize(
    ("user", "header", "principal"),
    [
        ("gateway", "user:5", "user:5"),
        ("shop", "partner:acme", "partner:acme"),
        ("gateway", None, "service:gateway"),
        ("gateway", 5, "service:gateway"),
        ("acme", None, "partner:acme"),
        ("acme", "user:5", "partner:acme"),
        ("acme", "service:gateway", "partner:acme"),
    ],
)
async def test_who_asks(user: str, header: Any, principal: str) -> None:
    headers = {} if header is None else {"x-aiops-principal": header}
    bakery = Bakery(Broken())
    await bakery.receive(user_id=user, headers=headers)
    assert bakery.deliveries[0].principal == principal
    # The copy's own user is ours, so it has to carry who asked.
    assert bakery.publisher.sent[0].headers["x-aiops-principal"] == principal


@pytest.mark.parametrize("value", [5, None, b"\xff", {"a": 1}, ["x"], True, 1.5, "not a trace"])
async def test_trace_headers_of_any_kind_are_survived(value: Any) -> None:
    bakery = Bakery()
    await bakery.receive(headers={"traceparent": value, "tracestate": value, "baggage": value})
    assert bakery.journal == ["baked", "ack"]


@pytest.mark.parametrize("header", ["CC", "BCC", "x-death", "x-match", "anything"])
async def test_of_the_headers_only_the_trace_reaches_a_copy(header: str) -> None:
    # RabbitMQ routes a message to the keys in CC and BCC as well (https://www.rabbitmq.com/docs/sender-selected).
    bakery = Bakery(Broken())
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await bakery.receive(headers={header: "gateway.events", "traceparent": traceparent, "tracestate": 5})
    headers = bakery.publisher.sent[0].headers
    assert header not in headers
    assert headers["traceparent"] == traceparent
    assert "tracestate" not in headers


async def test_a_trace_that_cannot_be_read_is_not_passed_on() -> None:
    bakery = Bakery(Broken())
    await bakery.receive(headers={"traceparent": "00-1-2-01", "tracestate": "a=b"})
    assert {"traceparent", "tracestate"}.isdisjoint(bakery.publisher.sent[0].headers)


async def test_a_message_without_an_id_or_a_routing_key_is_handled() -> None:
    bakery = Bakery()
    await bakery.receive(message_id=None, routing_key=None)
    assert bakery.journal == ["baked", "ack"]


async def test_a_handler_that_tells_nobody_needs_no_give_up() -> None:
    journal: list[str] = []

    def failing() -> Callable[[Delivery[Any]], Awaitable[None]]:
        async def handle(_delivery: Delivery[Any]) -> None:
            raise Broken

        return handle

    consumer = Consumer(
        owner="shop",
        queue="shop.work",
        handlers={Bake.message_type: Handler(Bake, failing())},
        publisher=FakePublisher(journal),
        trusted_users=frozenset({"gateway"}),
        policy=RetryPolicy(max_attempts=1),
    )
    await consumer.process(FakeIncoming(body(), journal).raw)
    assert journal == ["publish shop.dead", "ack"]


async def test_a_principal_that_a_stranger_made_up_reaches_no_copy() -> None:
    bakery = Bakery()
    await bakery.receive(user_id=None, headers={"x-aiops-principal": "user:admin"})
    assert "x-aiops-principal" not in bakery.publisher.sent[0].headers


async def test_a_log_quotes_neither_a_library_s_error_nor_an_id_that_is_none() -> None:
    detail = "DETAIL: Key (title)=(Order export stops) already exists."
    for failure in (Broken(detail), BrokerUnavailable("away"), Deferred("later")):
        with capture_logs() as lines:
            bakery = Bakery(failure, max_attempts=1)
            await bakery.receive(message_id="Order export stops", headers={"x-aiops-attempt": 4})
        assert lines, failure
        assert "Order export stops" not in str(lines)
        assert {line["message_id"] for line in lines} == {None}
    bakery = Bakery(Broken(detail), max_attempts=1)
    with capture_logs() as lines:
        await bakery.receive()
    assert [(line["message_id"], line["error"]) for line in lines] == [
        (str(UUID(int=1)), "Broken; its dead letter says more")
    ]
    assert bakery.publisher.sent[0].headers["x-aiops-error"] == detail


async def test_a_log_has_what_we_say_of_poison_ourselves() -> None:
    with capture_logs() as lines:
        await Bakery(Poison("too_large", "nobody can eat that")).receive()
    assert [(line["reason"], line["error"]) for line in lines] == [("too_large", "nobody can eat that")]
