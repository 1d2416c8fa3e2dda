"""What is believed of a dead letter, which letters are meant, and what a replay sends; no broker is asked."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from opentelemetry import trace

from aiops_common.messaging.deadletter.finding import Finder
from aiops_common.messaging.deadletter.letter import READ_BYTES, SHOWN_BYTES, Selection, shown
from aiops_common.messaging.deadletter.reading import UNKNOWN_TIME, Reading, read
from aiops_common.messaging.deadletter.replay import copy_of, send_home
from support.fake_broker import FakeIncoming, FakePublisher
from support.recorded_spans import recorded_spans, traceparent_of

TRACE = "0af7651916cd43dd8448eb211c80319c"
DIED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ID = UUID(int=7)


@dataclass(slots=True)
class Lying(FakeIncoming):
    """A message that lies in a dead queue."""

    content_encoding: str | None = None
    timestamp: datetime | None = None


def consumers(**headers: Any) -> Lying:
    """A letter that a consumer wrote."""
    ours = {
        "x-aiops-dead-id": str(ID),
        "x-aiops-dead-at": int(DIED.timestamp() * 1000),
        "x-aiops-reason": "not_json",
        "x-aiops-error-class": "Poison",
        "x-aiops-error": "bad",
        "x-aiops-trace-id": TRACE,
        "x-aiops-queue": "shop.work",
        "x-aiops-type": "shop.do.v1",
        "x-aiops-attempt": 3,
        "x-aiops-principal": "user:ada",
    }
    return Lying(b"{}", headers={**ours, **headers}, user_id="shop", exchange="aiops.dead", routing_key="shop.dead")


def brokers(*, exchange: str = "aiops.commands", user_id: str | None = "front", **headers: Any) -> Lying:
    """A letter that RabbitMQ made of a message which its publisher gave ``headers``."""
    death = {
        "count": 1, "exchange": exchange, "queue": "shop.work", "reason": "delivery_limit", "time": DIED,
        "routing-keys": ["shop.do.v1"],
    }  # fmt: skip
    return Lying(
        b"{}", headers={**headers, "x-death": [death]}, user_id=user_id, exchange="aiops.dead", routing_key="shop.dead"
    )


def stray(**headers: Any) -> Lying:
    """A partner's message that no service consumes."""
    return Lying(b"{}", headers=headers, user_id=None, exchange="ingress.acme", routing_key="shop.nothing.v1")


def look(lying: Lying) -> Reading:
    return read(lying.raw, "shop.dead")


def test_a_consumers_letter_says_everything_itself() -> None:
    reading = look(consumers())
    letter = reading.letter
    assert (letter.id, letter.queue, letter.message_type, letter.reason) == (ID, "shop.dead", "shop.do.v1", "not_json")
    assert (letter.error, letter.attempts, letter.dead_at, letter.trace_id) == ("Poison: bad", 3, DIED, TRACE)
    assert (letter.principal, reading.home, reading.unless_partner) == ("user:ada", "shop.work", None)


@pytest.mark.parametrize("odd", [True, -1, 10**18, "x", 1.5, [], {}, None, b"\xff"])
def test_odd_headers_give_plain_values(odd: Any) -> None:
    lying = consumers()
    lying.headers = dict.fromkeys([*lying.headers, "x-death", "traceparent"], odd)
    reading = look(lying)
    assert isinstance(reading.letter.attempts, int)
    assert reading.letter.dead_at.tzinfo is not None
    assert look(lying) == reading


def test_a_brokers_letter_is_read_from_x_death() -> None:
    reading = look(brokers(traceparent=f"00-{TRACE}-b7ad6b7169203331-01"))
    letter = reading.letter
    assert (letter.reason, letter.message_type, letter.dead_at) == ("delivery_limit", "shop.do.v1", DIED)
    assert (letter.attempts, letter.trace_id, reading.home, letter.error) == (1, TRACE, "shop.work", None)


def test_a_copy_from_the_retry_ladder_keeps_its_type_and_its_attempts() -> None:
    lying = brokers(exchange="", user_id="shop")
    lying.headers["x-aiops-attempt"] = 2
    lying.headers["x-death"][0]["routing-keys"] = ["shop.work"]
    letter = look(lying).letter
    assert (letter.message_type, letter.attempts) == ("shop.do.v1", 3)


def test_an_id_stays_and_tells_letters_apart() -> None:
    changes: list[dict[str, Any]] = [{}, {"body": b"[]"}, {"message_id": "other"}, {"message_id": None}]
    readings = [look(replace(brokers(), **change)) for change in changes]
    assert len({reading.letter.id for reading in readings}) == len(changes)
    assert look(brokers()).letter.id == readings[0].letter.id


FORGED: dict[str, Any] = {
    "x-aiops-principal": "user:admin", "x-aiops-queue": "vault.work", "x-aiops-dead-id": str(ID),
    "x-aiops-attempt": -5, "x-aiops-reason": "fine", "x-aiops-dead-at": 1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("lying", "principal", "unless_partner", "home"),
    [
        (brokers(exchange="ingress.acme", user_id=None, **FORGED), "partner:acme", None, "shop.work"),
        (brokers(exchange="ingress.acme", user_id="front", **FORGED), "partner:acme", None, "shop.work"),
        (brokers(user_id=None, **FORGED), None, None, "shop.work"),
        (brokers(user_id="front"), "service:front", "front", "shop.work"),
        (brokers(user_id="acme", **FORGED), "user:admin", "acme", "shop.work"),
        (stray(**FORGED), "partner:acme", None, None),
        (stray(**FORGED, **{"x-death": brokers().headers["x-death"]}), "partner:acme", None, None),
    ],
)
def test_what_a_stranger_claims_is_not_believed(
    lying: Lying, principal: str | None, unless_partner: str | None, home: str | None
) -> None:
    reading = look(lying)
    assert (reading.letter.principal, reading.unless_partner, reading.home) == (principal, unless_partner, home)
    assert reading.letter.id != ID
    assert reading.letter.reason in ("delivery_limit", "unrouted")
    assert reading.letter.dead_at in (DIED, UNKNOWN_TIME)


def test_a_replay_carries_the_principal_and_nothing_else_that_was_in_the_headers() -> None:
    junk = {"x-death": [{"queue": "q"}], "x-first-death-queue": "q", "CC": ["vault.work"], "x-aiops-waiting-since": 1}
    lying = consumers(**junk, tracestate="a=b")
    message = copy_of(lying.raw, look(lying), trace.INVALID_SPAN_CONTEXT, user="ops")
    assert dict(message.headers) == {"x-aiops-principal": "user:ada"}
    assert (message.body, message.message_id, message.type) == (b"{}", lying.message_id, lying.type)
    assert (message.content_type, message.user_id, int(message.delivery_mode)) == ("application/json", "ops", 2)


def test_without_a_principal_our_user_vouches_for_nobody() -> None:
    # With our user the consumer would take it for a message of our own.
    lying = brokers(user_id=None, **FORGED)
    message = copy_of(lying.raw, look(lying), trace.INVALID_SPAN_CONTEXT, user="ops")
    assert (message.user_id, dict(message.headers)) == (None, {})


async def test_a_replay_links_the_trace_that_the_letter_came_from() -> None:
    publisher = FakePublisher()
    lying = consumers(traceparent=f"00-{TRACE}-b7ad6b7169203331-01")
    with recorded_spans() as spans:
        await send_home(publisher, lying.raw, look(lying), "shop.work", "shop.do.v1")
    span = spans.one("replay shop.do.v1")
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [TRACE]
    (sent,) = publisher.sent
    assert (sent.exchange, sent.routing_key) == ("aiops.retry", "shop.work")
    assert sent.headers["traceparent"] == traceparent_of(span)
    assert TRACE not in sent.headers["traceparent"]


async def test_without_a_tracer_the_letter_stays_in_its_trace() -> None:
    publisher = FakePublisher()
    traceparent = f"00-{TRACE}-b7ad6b7169203331-01"
    lying = consumers(traceparent=traceparent)
    await send_home(publisher, lying.raw, look(lying), "shop.work", "shop.do.v1")
    assert publisher.sent[0].headers["traceparent"] == traceparent


@pytest.mark.parametrize(
    ("selection", "matches"),
    [
        (Selection(), True),
        (Selection(ids=frozenset({ID})), True),
        (Selection(ids=frozenset()), False),
        (Selection(ids=frozenset({uuid4()})), False),
        (Selection(reason="not_json", message_type="shop.do.v1"), True),
        (Selection(reason="not_json", message_type="shop.other.v1"), False),
        (Selection(reason="other"), False),
        (Selection(before=DIED), False),
        (Selection(before=DIED + timedelta(seconds=1), after=DIED - timedelta(seconds=1)), True),
        (Selection(after=DIED), False),
    ],
)
def test_everything_that_is_given_must_apply(selection: Selection, matches: bool) -> None:
    assert selection.matches(look(consumers()).letter) is matches


def test_a_body_is_redacted_and_cut() -> None:
    assert shown(b'{"password": "hunter2hunter2"}').count("hunter2") == 0
    assert len(shown(b"x" * 100_000)) == SHOWN_BYTES
    assert len(shown("é".encode() * 100_000).encode()) <= SHOWN_BYTES
    assert shown(b"\xff\x00") == "\ufffd\x00"


@pytest.mark.parametrize("shift", range(0, 60, 7))
@pytest.mark.parametrize("edge", [SHOWN_BYTES, READ_BYTES])
def test_half_a_secret_at_the_cut_is_not_shown(edge: int, shift: int) -> None:
    secret = b"ada.lovelace@example.com"
    # Addresses before it shrink to placeholders, which draws what stands at the edge into what is shown.
    many = b" ".join(b"%08d.somebody.with.a.long.name@a-long-domain.example.com" % n for n in range(200))
    before = many[: edge - 40 + shift].rsplit(b" ", 1)[0]
    body = before + b" " * (edge - 40 + shift - len(before)) + secret + b" x" * READ_BYTES
    assert "lovelace" not in shown(body)
    assert "ada." not in shown(body)


def test_of_what_does_not_fit_only_the_beginning_is_kept() -> None:
    finder = Finder("shop.dead", Selection(), whole_bytes=20_000)
    for size in (50_000, 15_000, 0):
        finder.look(replace(consumers(), body=b"x" * size).raw)
    # The first one whatever its size: a replay must get on.
    assert [(found.is_whole, len(found.message.body)) for found in finder.found] == [
        (True, 50_000), (False, READ_BYTES + 1), (False, 0),
    ]  # fmt: skip


def test_a_listing_keeps_only_the_newest() -> None:
    finder = Finder("shop.dead", Selection(reason="not_json"), newest=2)
    for n in (5, 1, 9, 7):
        finder.look(consumers(**{"x-aiops-dead-at": n, "x-aiops-dead-id": str(UUID(int=n))}).raw)
    assert [found.reading.letter.id.int for found in finder.found] == [9, 7]


def test_a_replay_takes_only_the_first() -> None:
    finder = Finder("shop.dead", Selection(reason="not_json"), first=2)
    for n in (5, 1, 9):
        finder.look(consumers(**{"x-aiops-dead-at": n, "x-aiops-dead-id": str(UUID(int=n))}).raw)
    assert [found.reading.letter.id.int for found in finder.found] == [5, 1]
