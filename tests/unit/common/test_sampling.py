"""Looking at something every few seconds: a look that fails or hangs fails nobody and holds up no end."""

import asyncio
from dataclasses import dataclass, field

import pytest

from aiops_common import sampling
from aiops_common.sampling import Sampler
from support.eventually import eventually


@dataclass
class Looking:
    """A look that does what it is told; ``seen`` is what became known, in order."""

    failures: list[Exception] = field(default_factory=list)
    hangs: bool = False
    seen: list[str] = field(default_factory=list)

    async def look(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.failures:
            raise self.failures.pop(0)
        self.seen.append("known")

    def unknown(self) -> None:
        self.seen.append("unknown")

    def sampler(self) -> Sampler:
        return Sampler("test", self.look, self.unknown, every_seconds=0.001)

    async def saw(self, *wanted: str) -> None:
        async def enough() -> bool:
            return self.seen[: len(wanted)] == list(wanted)

        await eventually(enough, every=0.001)


async def test_it_looks_again_and_again() -> None:
    looking = Looking()
    sampler = looking.sampler()
    await sampler.start()
    await looking.saw("unknown", "known", "known", "known")
    await sampler.stop()
    assert looking.seen[-1] == "unknown"


async def test_after_a_failure_it_knows_nothing_until_it_has_looked_again() -> None:
    looking = Looking(failures=[RuntimeError("away"), OSError("away")])
    sampler = looking.sampler()
    await sampler.start()
    await looking.saw("unknown", "unknown", "unknown", "known")
    await sampler.stop()


async def test_a_look_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "DEADLINE_SECONDS", 0.01)
    looking = Looking(hangs=True)
    sampler = looking.sampler()
    await sampler.start()
    await looking.saw("unknown", "unknown", "unknown")
    looking.hangs = False
    await eventually(lambda: _in("known", looking.seen))
    await sampler.stop()


async def _in(word: str, seen: list[str]) -> bool:
    return word in seen


async def test_the_end_waits_for_no_look_that_will_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "STOP_SECONDS", 0.01)
    release, begun = asyncio.Event(), asyncio.Event()

    async def stubborn() -> None:
        begun.set()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    sampler = Sampler("test", stubborn, lambda: None)
    await sampler.start()
    await begun.wait()
    async with asyncio.timeout(10):
        await sampler.stop()
    release.set()


async def test_what_never_started_can_be_stopped() -> None:
    looking = Looking()
    await looking.sampler().stop()
    assert looking.seen == []
