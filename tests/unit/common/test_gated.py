"""What runs only while what it needs is there."""

import asyncio

from aiops_common.gated import Gated
from aiops_common.lifecycle import running


class Part:
    """Says what was done to it."""

    def __init__(self, *, stops_badly: bool = False) -> None:
        self.told: list[str] = []
        self.changed = asyncio.Condition()
        self._stops_badly = stops_badly

    async def start(self) -> None:
        await self._tell("started")

    async def stop(self) -> None:
        await self._tell("stopped")
        if self._stops_badly:
            self._stops_badly = False
            raise ConnectionError("gone")

    async def has(self, *told: str) -> None:
        """Wait until exactly this was done."""
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(lambda: self.told == list(told))

    async def _tell(self, what: str) -> None:
        async with self.changed:
            self.told.append(what)
            self.changed.notify_all()


class Answers:
    """What the check says: the next answer each time, the last one for ever."""

    def __init__(self, *answers: str | Exception | None) -> None:
        self.left = list(answers)
        self.asked = 0
        self._changed = asyncio.Condition()

    async def __call__(self) -> str | None:
        answer = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        async with self._changed:
            self.asked += 1
            self._changed.notify_all()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def were_asked(self, more: int) -> None:
        """Wait until they were asked that often again."""
        goal = self.asked + more
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: self.asked >= goal)


def gated(part: Part, check: Answers) -> Gated:
    return Gated(part, check, name="part", waiting_seconds=0, running_seconds=0)


async def test_it_starts_when_nothing_is_wrong_any_more() -> None:
    part, check = Part(), Answers("too old", RuntimeError("no answer"), "too old", None)
    async with running([gated(part, check)]):
        await part.has("started")
        assert check.asked >= 4
    assert part.told == ["started", "stopped"]


async def test_what_never_started_is_not_stopped() -> None:
    part, check = Part(), Answers("too old")
    async with running([gated(part, check)]):
        await check.were_asked(3)
    assert part.told == []


async def test_it_stops_as_soon_as_something_is_wrong_and_starts_again() -> None:
    part, check = Part(), Answers(None, None, "another's turn", None)
    async with running([gated(part, check)]):
        await part.has("started", "stopped", "started")
    assert part.told == ["started", "stopped", "started", "stopped"]


async def test_where_nobody_knows_what_runs_goes_on() -> None:
    part, check = Part(), Answers(None, RuntimeError("no answer"))
    async with running([gated(part, check)]):
        await check.were_asked(3)
        assert part.told == ["started"]


async def test_what_does_not_stop_well_is_started_again_all_the_same() -> None:
    part, check = Part(stops_badly=True), Answers(None, "another's turn", None)
    async with running([gated(part, check)]):
        await part.has("started", "stopped", "started")


async def test_it_is_asked_at_once_when_told_so() -> None:
    part, check = Part(), Answers("another's turn", None)
    one = Gated(part, check, name="part", waiting_seconds=3600, running_seconds=3600)
    async with running([one]):
        await check.were_asked(1)
        assert not one.runs
        one.ask_now()
        await part.has("started")
        assert one.runs


class SlowToStop(Part):
    """Says when its stop begins, and ends it when it may; one that is broken off says so."""

    def __init__(self) -> None:
        super().__init__()
        self.may_end = asyncio.Event()

    async def stop(self) -> None:
        await self._tell("stopping")
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            await self._tell("broken off")
            raise
        await self._tell("stopped")


async def test_a_stop_that_is_under_way_is_not_broken_off() -> None:
    part, check = SlowToStop(), Answers(None, "another's turn")
    one = gated(part, check)
    await one.start()
    await part.has("started", "stopping")
    ending = asyncio.create_task(one.stop())
    await asyncio.sleep(0)
    part.may_end.set()
    async with asyncio.timeout(10):
        await ending
    assert part.told == ["started", "stopping", "stopped"]
    assert not one.runs
