"""Work that is put off: which rung, until when, and what of our headers is believed."""

import time
from typing import Any

import pytest

from aiops_common.deferral import Deferred
from aiops_common.messaging.consumer import Consumer, Handler
from aiops_common.messaging.incoming import Incoming
from aiops_common.messaging.message import Delivery
from aiops_common.messaging.retry import RetryPolicy, rung_of
from aiops_contracts.base import Command, JobFailure
from support.fake_broker import FakeIncoming, FakePublisher, Sent

HOUR = 3600_000


class Wash(Command):
    """A command of nobody."""

    message_type = "test_deferral.wash.v1"


BODY = (
    b'{"specversion":"1.0","id":"00000000-0000-0000-0000-000000000001","source":"aiops/test",'
    b'"type":"test_deferral.wash.v1","time":"2025-03-04T09:15:00Z","data":{}}'
)


async def settle(error: Exception, **delivery: Any) -> tuple[Sent, list[JobFailure]]:
    """The copy that a consumer makes of a message whose handler raises ``error``, and what was given up."""
    given_up: list[JobFailure] = []

    async def handle(_delivery: Delivery[Any]) -> None:
        raise error

    async def give_up(_delivery: Delivery[Any], failure: JobFailure) -> None:
        given_up.append(failure)

    publisher = FakePublisher()
    consumer = Consumer(
        owner="shop",
        queue="shop.work",
        handlers={Wash.message_type: Handler(Wash, handle, give_up)},
        publisher=publisher,
        trusted_users=frozenset({"gateway", "shop"}),
        policy=RetryPolicy(max_attempts=3, deadline_seconds=3600),
    )
    await consumer.process(FakeIncoming(BODY, **delivery).raw)
    (copy,) = publisher.sent
    return copy, given_up


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.mark.parametrize(
    ("seconds", "rung"),
    [(None, "5s"), (0, "5s"), (5, "5s"), (5.1, "30s"), (30, "30s"), (100, "2m"), (600, "10m"), (86_400, "10m")],
)
async def test_work_is_put_off_for_as_long_as_it_was_asked(seconds: float | None, rung: str) -> None:
    assert rung_of(seconds) == rung
    copy, given_up = await settle(Deferred("busy", retry_after=seconds))
    assert (copy.exchange, copy.routing_key) == ("aiops.retry", f"shop.retry.{rung}")
    assert given_up == []


@pytest.mark.parametrize("failed", [0, 1, 2])
async def test_putting_off_spends_no_attempt(failed: int) -> None:
    copy, _ = await settle(Deferred("busy"), headers={"x-aiops-attempt": failed, "x-aiops-waiting-since": now() - 1})
    assert copy.routing_key == "shop.retry.5s"
    assert copy.headers["x-aiops-attempt"] == failed


@pytest.mark.parametrize("error", [Deferred("busy"), ValueError("broken")])
async def test_the_deadline_counts_from_the_first_wait(error: Exception) -> None:
    copy, _ = await settle(error)
    first = copy.headers["x-aiops-waiting-since"]
    assert abs(first - now()) < 60_000
    earlier = now() - HOUR // 2
    copy, _ = await settle(error, headers={"x-aiops-attempt": 1, "x-aiops-waiting-since": earlier})
    assert copy.headers["x-aiops-waiting-since"] == earlier
    copy, given_up = await settle(error, headers={"x-aiops-attempt": 1, "x-aiops-waiting-since": now() - HOUR - 1})
    assert copy.routing_key == "shop.dead"
    assert copy.headers["x-aiops-reason"] == "deadline_spent"
    assert [failure.code for failure in given_up] == ["deadline_spent"]


@pytest.mark.parametrize(
    "sender",
    [
        {"user_id": "acme"},
        {"user_id": None, "exchange": "ingress.acme"},
        {"user_id": "gateway", "exchange": "ingress.x"},
    ],
)
async def test_a_stranger_cannot_say_how_often_or_how_long_it_was_tried(sender: dict[str, Any]) -> None:
    forged = {"x-aiops-attempt": 2, "x-aiops-waiting-since": 1, "x-aiops-principal": "user:admin"}
    copy, _ = await settle(ValueError("broken"), headers=forged, **sender)
    assert copy.routing_key == "shop.retry.5s"
    assert copy.headers["x-aiops-attempt"] == 1
    assert abs(copy.headers["x-aiops-waiting-since"] - now()) < 60_000
    assert copy.headers["x-aiops-principal"].startswith("partner:")


async def test_lost_deliveries_are_remembered_while_it_waits_and_forgotten_with_the_attempt() -> None:
    twice_lost: dict[str, Any] = {"redelivered": True, "headers": {"x-delivery-count": 1, "x-aiops-lost": 1}}
    copy, _ = await settle(Deferred("busy"), **twice_lost)
    assert copy.headers["x-aiops-lost"] == 2
    copy, _ = await settle(ValueError("broken"), **twice_lost)
    assert copy.headers["x-aiops-lost"] == 0
    copy, _ = await settle(Deferred("busy"), user_id="acme", headers={"x-aiops-lost": 99})
    assert copy.headers["x-aiops-lost"] == 0


@pytest.mark.parametrize("value", [-1, True, 1.5, "1", None, b"1", {"a": 1}, 2**62])
def test_a_time_that_cannot_be_is_no_time(value: Any) -> None:
    raw = FakeIncoming(BODY, headers={"x-aiops-waiting-since": value, "x-aiops-attempt": value}).raw
    incoming = Incoming.of(raw, frozenset({"gateway"}))
    assert (incoming.waiting_since, incoming.attempt, incoming.waited_seconds()) == (None, 1, 0.0)


def test_an_operator_may_return_a_message_on_behalf_of_its_sender() -> None:
    raw = FakeIncoming(BODY, user_id="operator", headers={"x-aiops-principal": "partner:acme"}).raw
    assert Incoming.of(raw, frozenset()).principal == "partner:acme"
