"""Request and reply: which answer belongs to whom, and what nobody waits for any longer."""

import asyncio
import json
from typing import Any, ClassVar
from uuid import UUID

import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs

from aiops_common.messaging.connection import BrokerUnavailable
from aiops_common.messaging.message import Delivery, Outgoing
from aiops_common.messaging.publisher import Unroutable
from aiops_common.messaging.requests import REPLY_TO, NoReply, Requester, RequestHandler, Responder, _read_reply
from aiops_common.postgres import DatabaseUnavailable
from aiops_contracts.base import Request
from support.fake_broker import FakeIncoming, FakePublisher

REPLY_ADDRESS = f"{REPLY_TO}.g1h2AA5yZXBseUA.abc=="


class Price(Request):
    """A request of nobody."""

    message_type: ClassVar[str] = "test_requests.price.v1"
    of: str


class PriceReply(BaseModel):
    """Its answer."""

    cents: int


class Loopback(Requester):
    """A requester whose messages go to a list instead of a broker."""

    def __init__(self, *, deadline_seconds: float = 5.0) -> None:
        super().__init__("amqp://gateway@localhost/", name="gateway", deadline_seconds=deadline_seconds)
        self.asked: list[tuple[Outgoing, str, str]] = []
        self.failure: Exception | None = None
        self._sent = asyncio.Condition()

    async def _send(self, request: Outgoing, key: str, queue: str) -> None:
        if self.failure is not None:
            raise self.failure
        async with self._sent:
            self.asked.append((request, key, queue))
            self._sent.notify_all()

    async def answer(self, key: str | None, document: Any) -> None:
        await self._on_reply(FakeIncoming(json.dumps(document).encode(), correlation_id=key).raw)

    async def asked_by_now(self, count: int) -> None:
        async with asyncio.timeout(5), self._sent:
            await self._sent.wait_for(lambda: len(self.asked) >= count)


def _ask(requester: Requester, of: str = "bread") -> "asyncio.Task[PriceReply]":
    return asyncio.create_task(requester.ask("shop", Price(of=of), PriceReply, principal="user:1"))


async def test_each_gets_the_answer_to_its_own_question() -> None:
    requester = Loopback()
    first, second = _ask(requester, "bread"), _ask(requester, "milk")
    await requester.asked_by_now(2)
    (_, key_1, queue), (_, key_2, _) = requester.asked
    assert queue == "shop.requests"
    await requester.answer(key_2, {"answer": {"cents": 2}})
    await requester.answer(key_1, {"answer": {"cents": 1}})
    assert (await first, await second) == (PriceReply(cents=1), PriceReply(cents=2))


async def test_the_request_carries_who_asks() -> None:
    requester = Loopback()
    task = asyncio.create_task(
        requester.ask("shop", Price(of="bread"), PriceReply, principal="user:1", message_id=UUID(int=4))
    )
    await requester.asked_by_now(1)
    request, key, _ = requester.asked[0]
    assert (request.id, request.headers["x-aiops-principal"]) == (UUID(int=4), "user:1")
    await requester.answer(key, {"answer": {"cents": 1}})
    await task


async def test_nobody_waits_longer_than_the_deadline() -> None:
    requester = Loopback(deadline_seconds=0.01)
    with pytest.raises(NoReply, match=r"shop did not answer within 0\.01 s"):
        await _ask(requester)
    # What comes now is nobody's.
    await requester.answer(requester.asked[0][1], {"answer": {"cents": 1}})


@pytest.mark.parametrize("key", [None, "", "unknown"])
async def test_an_answer_to_nothing_is_ignored(key: str | None) -> None:
    requester = Loopback()
    task = _ask(requester)
    await requester.asked_by_now(1)
    await requester.answer(key, {"answer": {"cents": 666}})
    await requester.answer(requester.asked[0][1], {"answer": {"cents": 1}})
    await requester.answer(requester.asked[0][1], {"answer": {"cents": 666}})
    assert await task == PriceReply(cents=1)


async def test_without_a_broker_there_is_no_reply() -> None:
    requester = Loopback()
    requester.failure = BrokerUnavailable("away")
    with pytest.raises(NoReply):
        await _ask(requester)


async def test_a_caller_that_goes_away_is_not_told_of_a_deadline() -> None:
    requester = Loopback()
    task = _ask(requester)
    await requester.asked_by_now(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"5", b'"fault"', b"[]", b'["fault"]', b"{}", b'{"answer": null}', b'{"answer": {}}', b"\xff"],
)
def test_an_answer_that_cannot_be_understood_is_none(body: bytes) -> None:
    with pytest.raises(NoReply, match="could not be understood"):
        _read_reply(body, PriceReply)


def test_a_fault_is_no_answer() -> None:
    with pytest.raises(NoReply, match="shop could not answer: KeyError"):
        _read_reply(b'{"fault": "shop could not answer: KeyError", "answer": {"cents": 1}}', PriceReply)


class Shop:
    """A responder; ``failure`` is raised instead of an answer."""

    def __init__(self) -> None:
        self.journal: list[str] = []
        self.publisher = FakePublisher(self.journal)
        self.deliveries: list[Delivery[Any]] = []
        self.failure: Exception | None = None
        self.responder = Responder(
            owner="shop",
            handlers={Price.message_type: RequestHandler(Price, self.price, expected=(SoldOut,))},
            publisher=self.publisher,
            trusted_users=frozenset({"gateway"}),
        )

    async def price(self, delivery: Delivery[Any]) -> PriceReply:
        self.deliveries.append(delivery)
        if self.failure is not None:
            raise self.failure
        return PriceReply(cents=250)

    async def receive(self, **changes: Any) -> Any:
        request = {"reply_to": REPLY_ADDRESS, "correlation_id": "c1", "body": _request(), "journal": self.journal}
        await self.responder.process(FakeIncoming(**{**request, **changes}).raw)
        return json.loads(self.publisher.sent[0].message.body) if self.publisher.sent else None


def _request(**changes: Any) -> bytes:
    attributes = {
        "id": str(UUID(int=1)),
        "source": "aiops/gateway",
        "type": Price.message_type,
        "time": "2025-03-04T09:15:00Z",
        "data": {"of": "bread"},
    }
    return json.dumps({**attributes, **changes}).encode()


async def test_a_request_is_answered_to_its_sender() -> None:
    shop = Shop()
    assert await shop.receive(headers={"x-aiops-principal": "user:1"}) == {"answer": {"cents": 250}}
    assert shop.journal == [f"publish {REPLY_ADDRESS}", "ack"]
    assert shop.publisher.sent[0].message.correlation_id == "c1"
    assert (shop.deliveries[0].principal, shop.deliveries[0].message) == ("user:1", Price(of="bread"))


@pytest.mark.parametrize("user", ["acme", "shop", None, ""])
async def test_only_the_gateway_may_ask(user: str | None) -> None:
    shop = Shop()
    assert await shop.receive(user_id=user) == {"fault": "shop could not answer: Poison"}
    assert shop.deliveries == []


@pytest.mark.parametrize(
    "reply_to", [None, "", "shop.work", "gateway.events", REPLY_TO, "amq.rabbitmq.reply-toX.a", f"x{REPLY_ADDRESS}"]
)
async def test_a_request_cannot_make_us_write_elsewhere(reply_to: str | None) -> None:
    shop = Shop()
    await shop.receive(reply_to=reply_to)
    assert shop.journal == ["ack"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", _request(data={}), _request(type="test_requests.price.v2"), b"[" * 200_000],
    ids=["empty", "cut", "no data", "unknown type", "deep"],
)
async def test_what_cannot_be_read_is_a_fault(body: bytes) -> None:
    shop = Shop()
    assert await shop.receive(body=body) == {"fault": "shop could not answer: Poison"}
    assert shop.journal[-1] == "ack"


async def test_a_fault_tells_its_kind_and_nothing_of_the_request() -> None:
    shop = Shop()
    shop.failure = RuntimeError("password hunter2 is wrong")
    with capture_logs() as lines:
        assert await shop.receive() == {"fault": "shop could not answer: RuntimeError"}
    assert [line["event"] for line in lines] == ["responder.fault"]
    assert "hunter2" not in str(lines)


class SoldOut(Exception):
    """What the shop expects to happen now and then."""


@pytest.mark.parametrize(
    ("failure", "level"),
    [(SoldOut(), "warning"), (DatabaseUnavailable("away"), "warning"), (RuntimeError("broken"), "error")],
)
async def test_what_the_owner_expects_is_no_error(failure: Exception, level: str) -> None:
    shop = Shop()
    shop.failure = failure
    with capture_logs() as lines:
        assert await shop.receive() == {"fault": f"shop could not answer: {type(failure).__name__}"}
    assert [(line["event"], line["log_level"]) for line in lines] == [("responder.fault", level)]


@pytest.mark.parametrize(("given", "told"), [("bread for Ada", None), (str(UUID(int=1)), str(UUID(int=1)))])
async def test_an_id_that_is_none_is_not_told(given: str, told: str | None) -> None:
    shop = Shop()
    shop.failure = RuntimeError("broken")
    with capture_logs() as lines:
        await shop.receive(message_id=given)
    assert [line["message_id"] for line in lines] == [told]


@pytest.mark.parametrize("failure", [BrokerUnavailable("away"), Unroutable("gone")])
async def test_an_answer_that_nobody_takes_is_dropped(failure: Exception) -> None:
    shop = Shop()
    shop.publisher.failure = failure
    await shop.receive()
    assert shop.journal == ["ack"]


@pytest.mark.parametrize("value", [5, None, {"a": 1}])
async def test_headers_of_any_kind_are_survived(value: Any) -> None:
    shop = Shop()
    answer = await shop.receive(headers={"traceparent": value, "x-aiops-principal": value})
    assert answer == {"answer": {"cents": 250}}
    assert shop.deliveries[0].principal == "anonymous"
