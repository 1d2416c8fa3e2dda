"""What is counted about messages, and that strangers cannot make series."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from aiops_common.deferral import Deferred
from aiops_common.messaging import consumer as consumer_module
from aiops_common.messaging.connection import BrokerUnavailable
from aiops_common.messaging.message import Outgoing, Poison, outgoing
from aiops_common.messaging.metrics import REASONS, known_reason, known_types
from aiops_common.messaging.names import RETRY_RUNGS
from aiops_common.messaging.publisher import Unroutable
from support.fake_broker import FakePublisher
from support.metrics import Counted, series_of, value
from support.recorded_spans import context_of, recorded_spans
from support.servers import ROOT
from unit.messaging.test_consumer import Bake, Bakery, Broken, body

TYPE = Bake.message_type
QUEUE = {"queue": "shop.work", "message_type": TYPE}
OURS = ("aiops_message", "aiops_publish", "aiops_request", "aiops_dead_letters")


def processed(outcome: str, **labels: str) -> Counted:
    return Counted("aiops_messages_processed_total", **{**QUEUE, "outcome": outcome, **labels})


@pytest.mark.parametrize(
    ("failure", "failed", "outcome"),
    [
        (None, 0, "done"),
        (Broken(), 0, "retried"),
        (Deferred("busy"), 0, "deferred"),
        (Poison("bad_payload", "bad"), 0, "dead"),
        (Broken(), 4, "dead"),
    ],
)
async def test_how_a_delivery_ended(failure: Exception | None, failed: int, outcome: str) -> None:
    outcomes = {one: processed(one) for one in ("done", "retried", "deferred", "dead", "stuck")}
    seconds = Counted("aiops_message_process_seconds_count", **QUEUE)
    await Bakery(*([failure] if failure else [])).receive(routing_key=TYPE, headers={"x-aiops-attempt": failed})
    assert {one: counted.more for one, counted in outcomes.items()} == {**dict.fromkeys(outcomes, 0.0), outcome: 1.0}
    assert seconds.more == 1


async def test_what_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "HOLD_SECONDS", -1)
    monkeypatch.setattr(consumer_module, "BROKER_PAUSE_SECONDS", 0)
    stuck = processed("stuck")
    bakery = Bakery(Broken())
    bakery.publisher.failure = BrokerUnavailable("away")
    await bakery.receive(routing_key=TYPE)
    assert (stuck.more, bakery.journal) == (1, ["reject requeue=True"])


async def test_retries_by_rung_and_dead_letters_by_reason() -> None:
    retries = Counted("aiops_message_retries_total", **QUEUE, rung="30s")
    dead = Counted("aiops_dead_letters_total", **QUEUE, reason="attempts_spent")
    await Bakery(Broken()).receive(routing_key=TYPE, headers={"x-aiops-attempt": 1})
    await Bakery(Broken()).receive(routing_key=TYPE, headers={"x-aiops-attempt": 4})
    assert (retries.more, dead.more) == (1, 1)


def test_every_outcome_of_a_handled_type_is_there_before_the_first_message() -> None:
    Bakery()
    for outcome in ("done", "retried", "deferred", "dead", "stuck"):
        assert value("aiops_messages_processed_total", **QUEUE, outcome=outcome) is not None
    for reason in (*REASONS, "other"):
        assert value("aiops_dead_letters_total", **QUEUE, reason=reason) is not None
    for rung in RETRY_RUNGS:
        assert value("aiops_message_retries_total", **QUEUE, rung=rung) is not None


@pytest.mark.parametrize(
    ("age", "delivery", "seconds"),
    [
        (7.0, {}, 7.0),
        (-7.0, {}, 0.0),
        (7.0, {"redelivered": True}, None),
        (7.0, {"exchange": "", "routing_key": "shop.work", "type": TYPE, "user_id": "shop"}, None),
        (7.0, {"exchange": "aiops.retry", "routing_key": "shop.work", "type": TYPE, "user_id": "operator"}, None),
        (7.0, {"exchange": "ingress.acme", "user_id": "acme"}, None),
    ],
    ids=["waited", "clock ahead", "redelivered", "copy", "replay", "partner"],
)
async def test_how_long_a_message_waited(age: float, delivery: dict[str, Any], seconds: float | None) -> None:
    count, total = (Counted(f"aiops_message_wait_seconds_{one}", **QUEUE) for one in ("count", "sum"))
    written = (datetime.now(UTC) - timedelta(seconds=age)).isoformat()
    await Bakery().receive(**{"routing_key": TYPE, "body": body(time=written), **delivery})
    assert count.more == (0 if seconds is None else 1)
    assert total.more == pytest.approx(seconds or 0.0, abs=5)


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [(None, "confirmed"), (Unroutable("full"), "unroutable"), (BrokerUnavailable("away"), "unavailable")],
)
async def test_publishing(failure: Exception | None, outcome: str) -> None:
    counted = Counted("aiops_messages_published_total", message_type=TYPE, outcome=outcome)
    seconds = Counted("aiops_publish_seconds_count", message_type=TYPE)
    publisher = FakePublisher()
    publisher.failure = failure
    message = outgoing(Bake(what="bread"), exchange="aiops.commands", source="aiops/test")
    if failure is None:
        await publisher.publish(message)
    else:
        with pytest.raises(type(failure)):
            await publisher.publish(message)
    assert (counted.more, seconds.more) == (1, 1)


async def test_an_exemplar_leads_to_the_trace() -> None:
    with recorded_spans() as spans:
        await Bakery().receive(routing_key=TYPE)
    trace_id = f"{context_of(spans.one(f'process {TYPE}')).trace_id:032x}"
    family = next(one for one in REGISTRY.collect() if one.name == "aiops_message_process_seconds")
    assert {"trace_id": trace_id} in [one.exemplar.labels for one in family.samples if one.exemplar]


async def test_strangers_make_no_series() -> None:
    bakery = Bakery(*(Poison(f"reason {number}", "bad") for number in range(3_334)))
    publisher = FakePublisher()

    async def feed(number: int) -> None:
        lie = f"stranger.lie_{number}.v1"
        sent = {"routing_key": lie, "type": lie, "message_id": lie, "user_id": lie, "exchange": f"ingress.{lie}"}
        await bakery.receive(**sent)
        await bakery.receive(**sent, body=body(type=lie, id=str(uuid4()), source=lie))
        await bakery.receive(routing_key=TYPE)
        await publisher.publish(Outgoing(uuid4(), "aiops.commands", lie, b"{}"))

    await feed(0)
    before = series_of(*OURS)
    for number in range(1, 3_334):
        await feed(number)
    assert series_of(*OURS) == before
    assert len(bakery.deliveries) == 2 * 3_334
    assert {known_reason(f"reason {number}") for number in range(10_000)} == {"other"}
    assert {known_types.label(f"stranger.lie_{number}.v1") for number in range(10_000)} == {"other"}


def test_every_reason_that_the_code_gives_is_known() -> None:
    given = set()
    for path in [*ROOT.glob("libs/common/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]:
        given |= set(re.findall(r"""Poison\(\s*["'](\w+)["']""", path.read_text()))
    assert len(given) > 10
    assert given - {"untrusted"} <= set(REASONS)  # requests are refused, not given up
