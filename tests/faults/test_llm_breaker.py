"""The breaker before a real server, call by call, where a whole stack would only blur who called when."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import BaseModel

from aiops_common.llm import Improved, LLMSettings, ModelUnavailable, Prompt, improve
from aiops_common.llm.deferring import DeferringModel
from aiops_common.llm.openai_client import OpenAIModel
from aiops_common.messaging.consumer import Consumer, Handler
from aiops_common.messaging.message import Delivery
from aiops_common.messaging.names import ATTEMPT_HEADER, RETRY_EXCHANGE, WAITING_SINCE_HEADER
from aiops_common.messaging.retry import RetryPolicy
from aiops_common.testing.llm_script import Delay, Ok, Script, Status
from aiops_common.testing.llm_server import ScriptedLLM
from aiops_contracts.base import Command, Engine, JobFailure
from support.fake_broker import FakeIncoming, FakePublisher, Sent
from support.notes import WORK, noting

WAITERS = 50
TEN_MINUTES = 600.0
PROMPT = Prompt("note", "v1", "You note.", "All is well")
BODY = (
    b'{"specversion":"1.0","id":"00000000-0000-0000-0000-000000000001","source":"aiops/test",'
    b'"type":"test_llm_breaker.note.v1","time":"2025-03-04T09:15:00Z","data":{}}'
)


class Note(BaseModel):
    text: str


class TakeNote(Command):
    """A command of nobody."""

    message_type = "test_llm_breaker.note.v1"


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def whole() -> None:
    """In place of the stack, which these tests do without."""


@pytest.fixture
async def llm() -> AsyncIterator[ScriptedLLM]:
    async with ScriptedLLM() as server:
        yield server


def client(llm: ScriptedLLM, clock: Clock, **settings: Any) -> OpenAIModel:
    """The client with these settings, the others as they are by default, and a breaker that lives by ``clock``."""
    chosen = LLMSettings.model_validate({"openai_base_url": llm.base_url, "llm_model": "m", **settings})
    return OpenAIModel(chosen, clock)


async def outcome(model: OpenAIModel) -> str:
    """The reason why there is no answer, or "answered"."""
    try:
        await model.complete(PROMPT, Note)
    except ModelUnavailable as error:
        return error.reason
    return "answered"


async def cancelled(model: OpenAIModel, llm: ScriptedLLM) -> None:
    """A call that is cancelled while the server keeps it waiting."""
    before = llm.count
    call = asyncio.create_task(model.complete(PROMPT, Note))
    async with asyncio.timeout(10):
        await llm.asked(before + 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


@pytest.mark.parametrize("at_once", [8, WAITERS])
@pytest.mark.parametrize(("answer", "told"), [(Ok(), "answered"), (Status(status=500), "server error")])
async def test_fifty_waiters_at_half_open_make_one_request(
    llm: ScriptedLLM, at_once: int, answer: Ok | Status, told: str
) -> None:
    clock = Clock()
    model = client(llm, clock, llm_breaker_failures=1, llm_max_concurrency=at_once)
    llm.start(Script(steps=(Status(status=500), answer)))
    assert await outcome(model) == "server error"
    clock.now += 31
    outcomes = await asyncio.gather(*(outcome(model) for _ in range(WAITERS)))
    assert sorted(outcomes) == sorted([told, *["circuit open"] * (WAITERS - 1)])
    assert llm.count == 2
    assert model.breaker.state == ("closed" if told == "answered" else "open")


async def test_a_cancelled_call_neither_counts_nor_starts_the_count_anew(llm: ScriptedLLM) -> None:
    error, hang = Status(status=500), Delay(seconds=60)
    llm.start(Script(steps=(error, hang, error, hang, error, Ok())))
    model = client(llm, Clock(), llm_breaker_failures=3)
    assert await outcome(model) == "server error"
    await cancelled(model, llm)
    assert await outcome(model) == "server error"
    await cancelled(model, llm)
    assert model.breaker.state == "closed"
    assert await outcome(model) == "server error"
    assert model.breaker.state == "open"
    assert await outcome(model) == "circuit open"
    assert llm.count == 5


async def test_a_cancelled_probe_leaves_its_place_to_one_other(llm: ScriptedLLM) -> None:
    clock = Clock()
    llm.start(Script(steps=(Status(status=500), Delay(seconds=60), Ok())))
    model = client(llm, clock, llm_breaker_failures=1)
    assert await outcome(model) == "server error"
    clock.now += 31
    await cancelled(model, llm)
    assert model.breaker.state == "half-open"
    outcomes = await asyncio.gather(*(outcome(model) for _ in range(WAITERS)))
    assert sorted(outcomes) == sorted(["answered", *["circuit open"] * (WAITERS - 1)])
    assert llm.count == 3


class Life:
    """One message on its way between work queue and retry ladder, by a clock that leaps over the waits."""

    def __init__(self, model: OpenAIModel, clock: Clock) -> None:
        self.results: list[Improved[str]] = []
        self.given_up: list[JobFailure] = []
        self.copies: list[Sent] = []
        self._model = DeferringModel(model)
        self._clock = clock
        self._headers: dict[str, Any] = {}
        self._publisher = FakePublisher()
        self._consumer = Consumer(
            owner="shop",
            queue="shop.work",
            handlers={TakeNote.message_type: Handler(TakeNote, self._handle, self._give_up)},
            publisher=self._publisher,
            trusted_users=frozenset({"shop"}),
            policy=RetryPolicy(),
        )

    async def deliver(self) -> None:
        """One delivery, and the wait that it ends with, if it does."""
        self._publisher.sent.clear()
        await self._consumer.process(FakeIncoming(BODY, headers=self._headers, user_id="shop").raw)
        for copy in self._publisher.sent:
            waits = copy.message.expiration
            assert isinstance(waits, int | float)
            self._clock.now += waits
            self.copies.append(copy)
            self._headers = {**copy.headers, WAITING_SINCE_HEADER: earlier(copy, waits)}

    async def _handle(self, _delivery: Delivery[TakeNote]) -> None:
        self.results.append(await improve(self._model, "built-in", noting(), WORK))

    async def _give_up(self, _delivery: Delivery[TakeNote], failure: JobFailure) -> None:
        self.given_up.append(failure)


def earlier(copy: Sent, seconds: float) -> int:
    """Since when the message has waited, had ``seconds`` more passed than did."""
    return int(copy.headers[WAITING_SINCE_HEADER] - seconds * 1000)


@pytest.mark.parametrize("failure", [Status(status=500), Status(status=429, retry_after="600")])
async def test_open_for_ten_minutes_and_no_attempt_is_spent(llm: ScriptedLLM, failure: Status) -> None:
    clock = Clock()
    llm.start(Script(steps=(failure,)))
    model = client(llm, clock)
    life, began = Life(model, clock), clock.now
    while clock.now < began + TEN_MINUTES:
        await life.deliver()
    assert model.breaker.state == "open"
    assert len(life.copies) > 1
    assert {copy.exchange for copy in life.copies} == {RETRY_EXCHANGE}
    assert {copy.headers[ATTEMPT_HEADER] for copy in life.copies} == {0}
    # Five until it opens and a probe every half minute; with Retry-After the one that was told so.
    assert llm.count == 1 if failure.retry_after else 5 < llm.count <= 5 + TEN_MINUTES / 30
    waited = time.time() - int(life.copies[-1].headers[WAITING_SINCE_HEADER]) / 1000
    assert waited > TEN_MINUTES / 2  # the deadline counts from the first time, not from the last
    llm.start(Script())
    deliveries = 0
    while not life.results:
        await life.deliver()
        deliveries += 1
        assert deliveries < 10
    (result,) = life.results
    assert (result.engine, result.degraded) == (Engine.LLM, False)
    assert {copy.headers[ATTEMPT_HEADER] for copy in life.copies} == {0}
    assert life.given_up == []
