"""Group commit: who shares a flush with whom, and whose failure is whose."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

from aiops_common.batching import Batcher


class Refused(Exception):
    """One item cannot be written."""


class Lost(Exception):
    """The connection is gone."""


class Ledger:
    """A flush that can be held; an item "bad" is refused together with whatever is in its batch."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.failure: Exception | None = None

    async def flush(self, items: Sequence[str]) -> list[str]:
        self.batches.append(list(items))
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        if "bad" in items:
            raise Refused("bad")
        return [item.upper() for item in items]


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def _submit(batcher: Batcher[str, str], *items: str) -> list[asyncio.Task[str]]:
    return [asyncio.create_task(batcher.submit(item)) for item in items]


async def test_a_single_item_is_flushed_at_once() -> None:
    ledger = Ledger()
    assert await Batcher(ledger.flush).submit("a") == "A"
    assert ledger.batches == [["a"]]


async def test_what_gathers_during_a_flush_is_the_next_batch() -> None:
    ledger = Ledger()
    ledger.open.clear()
    batcher = Batcher(ledger.flush)
    first = _submit(batcher, "a")
    await _settle()
    rest = _submit(batcher, "b", "c", "d")
    await _settle()
    assert ledger.batches == [["a"]]
    ledger.open.set()
    assert await asyncio.gather(*first, *rest) == ["A", "B", "C", "D"]
    assert ledger.batches == [["a"], ["b", "c", "d"]]


async def test_a_batch_has_a_limit() -> None:
    ledger = Ledger()
    batcher = Batcher(ledger.flush, max_items=2)
    assert await asyncio.gather(*_submit(batcher, *"abcde")) == list("ABCDE")
    assert ledger.batches == [["a", "b"], ["c", "d"], ["e"]]


async def test_it_works_again_after_it_was_idle() -> None:
    ledger = Ledger()
    batcher = Batcher(ledger.flush)
    assert [await batcher.submit(item) for item in "ab"] == ["A", "B"]


async def test_a_bad_item_never_fails_its_neighbours() -> None:
    ledger = Ledger()
    outcomes = await asyncio.gather(*_submit(Batcher(ledger.flush), "a", "bad", "c"), return_exceptions=True)
    assert outcomes[0] == "A"
    assert isinstance(outcomes[1], Refused)
    assert outcomes[2] == "C"
    assert ledger.batches == [["a", "bad", "c"], ["a"], ["bad"], ["c"]]


async def test_a_lost_connection_fails_the_batch_at_once() -> None:
    ledger = Ledger()
    ledger.failure = Lost()
    batcher = Batcher(ledger.flush, fails_all=lambda error: isinstance(error, Lost))
    outcomes = await asyncio.gather(*_submit(batcher, "a", "b"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Lost, Lost]
    assert ledger.batches == [["a", "b"]]
    ledger.failure = None
    assert await batcher.submit("c") == "C"


async def test_a_caller_that_goes_away_harms_nobody() -> None:
    ledger = Ledger()
    ledger.open.clear()
    batcher = Batcher(ledger.flush)
    gone, stays = _submit(batcher, "a", "b")
    await _settle()
    gone.cancel()
    waits, later = _submit(batcher, "c", "d")
    await _settle()
    waits.cancel()
    ledger.open.set()
    assert list(await asyncio.gather(stays, later)) == ["B", "D"]
    assert gone.cancelled()
    assert waits.cancelled()


async def test_each_gets_the_result_of_its_own_item() -> None:
    ledger = Ledger()
    items = [f"item-{number}" for number in range(1000)]
    results: list[str] = await asyncio.gather(*_submit(Batcher(ledger.flush, max_items=64), *items))
    assert results == [item.upper() for item in items]
    assert [item for batch in ledger.batches for item in batch] == items


async def test_a_flush_does_not_run_in_the_context_of_its_first_caller() -> None:
    request = ContextVar("request", default="none")

    async def flush(items: Sequence[str]) -> list[str]:
        return [request.get() for _ in items]

    request.set("first")
    assert await Batcher(flush).submit("a") == "none"


async def test_too_few_results_are_an_error_and_nobody_waits_for_ever() -> None:
    async def flush(items: Sequence[str]) -> list[str]:
        return list(items)[1:]

    batcher = Batcher(flush)
    both = asyncio.gather(*_submit(batcher, "a", "b"), return_exceptions=True)
    assert all(isinstance(outcome, Exception) for outcome in await asyncio.wait_for(both, 2))
