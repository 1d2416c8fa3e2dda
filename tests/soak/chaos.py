"""Carries out a plan of strikes, and brings back what ends by itself."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from soak.parts import Parts
from soak.schedule import PARTS, RABBITMQ, SERVICE_PARTS, Action, Strike

_WATCH_SECONDS = 2.0
# RabbitMQ 3.10 can be left with a queue that is stuck when it is killed right after its start.
_RABBITMQ_GRACE_SECONDS = 2.0


@dataclass(slots=True)
class Damage:
    """What was done to the parts. ``ended`` are services that ended without being asked to."""

    done: Counter[tuple[str, Action]] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)


class Chaos:
    """Strikes at ``parts`` and tells of it through ``say(part, what)``."""

    def __init__(self, parts: Parts, say: Callable[[str, str], None]) -> None:
        self._parts = parts
        self._say = say
        self._away: set[str] = set()
        # So that what looks after services does not meet a strike between its look and its start.
        self._locks = {part: asyncio.Lock() for part in PARTS}
        self._back_at: dict[str, float] = {}
        self.damage = Damage()

    async def run(self, strikes: Sequence[Strike]) -> None:
        """Carry out all strikes; returns when every part was brought back. Raises NotReady or ProcessFailed."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for strike in strikes:
                await asyncio.sleep(max(0.0, began + strike.at - time.monotonic()))
                group.create_task(self._inflict(strike))

    async def watch(self) -> None:
        """Start services again that ended by themselves, as whatever runs them in production would; never returns."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            for part in SERVICE_PARTS:
                if not self._locks[part].locked():
                    await self._look_after(part)

    async def heal(self) -> None:
        """Everything runs and is ready. Raises NotReady or ProcessFailed."""
        for part in PARTS:
            if await asyncio.to_thread(self._parts.pid, part) is None:
                await asyncio.to_thread(self._parts.bring_back, part)
        await asyncio.to_thread(self._parts.wait_until_ready)

    async def _look_after(self, part: str) -> None:
        async with self._locks[part]:
            if await asyncio.to_thread(self._parts.pid, part) is None:
                self._say(part, "ended by itself, started again")
                self.damage.ended[part] += 1
                await asyncio.to_thread(self._parts.bring_back, part)

    async def _inflict(self, strike: Strike) -> None:
        part = strike.part
        if part in self._away:
            self._say(part, f"{strike.action} left out: it has not come back from the last one yet")
            return
        self._away.add(part)
        try:
            async with self._locks[part]:
                await self._take_and_bring_back(strike)
        finally:
            self._away.discard(part)

    async def _take_and_bring_back(self, strike: Strike) -> None:
        part = strike.part
        if part == RABBITMQ:
            await asyncio.sleep(self._back_at.get(part, 0.0) + _RABBITMQ_GRACE_SECONDS - time.monotonic())
        self._say(part, f"{strike.action}, away for {strike.away:g} s")
        self.damage.done[part, strike.action] += 1
        await asyncio.to_thread(self._parts.take, part, strike.action)
        await asyncio.sleep(strike.away)
        began = time.monotonic()
        await asyncio.to_thread(self._parts.bring_back, part)
        self._back_at[part] = time.monotonic()
        if part not in SERVICE_PARTS and strike.action is not Action.FREEZE:
            self._say(part, f"back, started in {self._back_at[part] - began:.1f} s")
