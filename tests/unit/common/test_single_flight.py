"""What many ask for at once is done once."""

import asyncio

import pytest

from aiops_common.single_flight import SingleFlight


class Work:
    """Counts how often it is done, and goes on when it is let."""

    def __init__(self) -> None:
        self.done = 0
        self.go = asyncio.Event()

    async def __call__(self) -> int:
        self.done += 1
        await self.go.wait()
        return self.done


async def test_all_have_the_answer_of_one() -> None:
    flight, work = SingleFlight[int](), Work()
    asking = [asyncio.create_task(flight.do("key", work)) for _ in range(100)]
    await asyncio.sleep(0)
    assert flight.runs("key")
    work.go.set()
    assert await asyncio.gather(*asking) == [1] * 100
    assert not flight.runs("key")
    assert await flight.do("key", work) == 2


async def test_other_keys_are_other_work() -> None:
    flight, work = SingleFlight[int](), Work()
    work.go.set()
    await asyncio.gather(flight.do("a", work), flight.do("b", work))
    assert work.done == 2


async def test_all_have_the_error_of_one_and_the_next_tries_again() -> None:
    flight = SingleFlight[int]()
    tried = 0

    async def fail() -> int:
        nonlocal tried
        tried += 1
        await asyncio.sleep(0)
        raise ValueError("no")

    answers = await asyncio.gather(*(flight.do("key", fail) for _ in range(3)), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["no"] * 3
    with pytest.raises(ValueError, match="no"):
        await flight.do("key", fail)
    assert tried == 2


async def test_it_goes_on_when_whoever_began_it_goes_away() -> None:
    flight, work = SingleFlight[int](), Work()
    first, second = (asyncio.create_task(flight.do("key", work)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    work.go.set()
    assert await second == 1
