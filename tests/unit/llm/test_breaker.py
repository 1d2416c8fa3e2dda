"""The gate: what opens it, who gets through at half-open, what counts."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from aiops_common.llm import ModelUnavailable
from aiops_common.llm.breaker import Breaker, Outage


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Service:
    """A call that waits until it is told how to end."""

    def __init__(self) -> None:
        self.calls = 0
        self.released = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> str:
        self.calls += 1
        await self.released.wait()
        if self.error:
            raise self.error
        return "answer"


async def _fine() -> str:
    return "answer"


def _failing(error: Exception) -> Callable[[], Awaitable[str]]:
    async def call() -> str:
        raise error

    return call


def _breaker(clock: Clock, failures: int = 3) -> Breaker:
    return Breaker(provider="models.example", model="test", failures=failures, reset_seconds=30, clock=clock)


async def _fail(breaker: Breaker, *, times: int = 1, retry_after: float | None = None) -> None:
    for _ in range(times):
        with pytest.raises(Outage):
            await breaker.run(_failing(Outage("server error", retry_after=retry_after)))


async def _is_refused(breaker: Breaker) -> bool:
    try:
        return await breaker.run(_fine) != "answer"
    except ModelUnavailable as error:
        return error.reason == "circuit open"


async def test_it_opens_at_the_limit_and_not_before() -> None:
    breaker = _breaker(Clock())
    await _fail(breaker, times=2)
    assert breaker.state == "closed"
    await _fail(breaker)
    assert breaker.state == "open"
    assert await _is_refused(breaker)


async def test_a_success_starts_the_count_anew() -> None:
    breaker = _breaker(Clock())
    await _fail(breaker, times=2)
    await breaker.run(_fine)
    await _fail(breaker, times=2)
    assert breaker.state == "closed"


async def test_an_answer_that_is_no_use_counts_as_a_success() -> None:
    breaker = _breaker(Clock())
    await _fail(breaker, times=2)
    with pytest.raises(ModelUnavailable, match="refused"):
        await breaker.run(_failing(ModelUnavailable("refused")))
    await _fail(breaker, times=2)
    assert breaker.state == "closed"


async def test_being_refused_says_when_to_come_back() -> None:
    clock = Clock()
    breaker = _breaker(clock)
    await _fail(breaker, times=3)
    clock.now += 10
    with pytest.raises(ModelUnavailable) as caught:
        await breaker.run(_fine)
    assert caught.value.retry_after == pytest.approx(20)


async def test_fifty_waiters_at_half_open_make_one_probe() -> None:
    clock = Clock()
    breaker = _breaker(clock)
    await _fail(breaker, times=3)
    clock.now += 31
    service = Service()
    waiters = [asyncio.create_task(breaker.run(service)) for _ in range(50)]
    await asyncio.sleep(0)
    service.released.set()
    outcomes = await asyncio.gather(*waiters, return_exceptions=True)
    assert service.calls == 1
    assert outcomes.count("answer") == 1
    assert sum(isinstance(outcome, ModelUnavailable) for outcome in outcomes) == 49
    assert breaker.state == "closed"


async def test_a_failed_probe_opens_it_again() -> None:
    clock = Clock()
    breaker = _breaker(clock)
    await _fail(breaker, times=3)
    clock.now += 31
    await _fail(breaker)
    assert breaker.state == "open"
    clock.now += 29
    assert await _is_refused(breaker)
    clock.now += 2
    assert not await _is_refused(breaker)


async def test_a_cancelled_probe_leaves_its_place_to_the_next() -> None:
    clock = Clock()
    breaker = _breaker(clock)
    await _fail(breaker, times=3)
    clock.now += 31
    probe = asyncio.create_task(breaker.run(Service()))
    await asyncio.sleep(0)
    assert await _is_refused(breaker)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert breaker.state == "half-open"
    assert not await _is_refused(breaker)
    assert breaker.state == "closed"


async def test_cancellations_do_not_count() -> None:
    breaker = _breaker(Clock(), failures=1)
    for _ in range(5):
        call = asyncio.create_task(breaker.run(Service()))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert breaker.state == "closed"


async def test_a_call_from_before_it_opened_cannot_close_it() -> None:
    clock = Clock()
    breaker = _breaker(clock)
    slow = Service()
    call = asyncio.create_task(breaker.run(slow))
    await asyncio.sleep(0)
    await _fail(breaker, times=3)
    clock.now += 31
    slow.released.set()
    assert await call == "answer"
    assert breaker.state == "open"


async def test_a_late_failure_does_not_open_it_again() -> None:
    clock = Clock()
    breaker = _breaker(clock, failures=1)
    slow = Service()
    slow.error = Outage("timeout")
    call = asyncio.create_task(breaker.run(slow))
    await asyncio.sleep(0)
    await _fail(breaker)
    clock.now += 31
    await breaker.run(_fine)
    slow.released.set()
    with pytest.raises(Outage):
        await call
    assert breaker.state == "closed"


@pytest.mark.parametrize(
    ("hint", "failures", "open_for"), [(5.0, 3, 5.0), (5.0, 1, 30.0), (120.0, 1, 120.0), (1e9, 3, 600.0)]
)
async def test_retry_after_keeps_it_open(hint: float, failures: int, open_for: float) -> None:
    clock = Clock()
    breaker = _breaker(clock, failures=failures)
    await _fail(breaker, retry_after=hint)
    clock.now += open_for - 0.5
    assert await _is_refused(breaker)
    clock.now += 1
    assert not await _is_refused(breaker)
    assert breaker.state == "closed"


async def test_a_defect_of_ours_neither_counts_nor_keeps_the_probe() -> None:
    clock = Clock()
    breaker = _breaker(clock, failures=1)
    await _fail(breaker)
    clock.now += 31
    with pytest.raises(KeyError):
        await breaker.run(_failing(KeyError("ours")))
    assert not await _is_refused(breaker)


async def test_the_longest_retry_after_of_calls_that_were_under_way_together_holds() -> None:
    clock = Clock()
    breaker = _breaker(clock)
    limited = []
    for retry_after in (5.0, 120.0, 60.0):
        service = Service()
        service.error = Outage("rate limited", retry_after=retry_after)
        limited.append((service, asyncio.create_task(breaker.run(service))))
    await asyncio.sleep(0)
    for service, call in limited:
        service.released.set()
        with pytest.raises(Outage):
            await call
    clock.now += 119
    assert await _is_refused(breaker)
    clock.now += 2
    assert not await _is_refused(breaker)
    assert breaker.state == "closed"
