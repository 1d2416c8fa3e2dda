"""Single flight: what many ask for at the same time is done once, and all of them have the answer."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Shares what is on its way, by a key; what has arrived is forgotten."""

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[T]] = {}

    def runs(self, key: Hashable) -> bool:
        """Whether somebody is at it."""
        return key in self._running

    async def do(self, key: Hashable, act: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What ``act`` gives or raises, or what the one that is under way for ``key`` does.

        It goes on when whoever began it is cancelled: others may be waiting for it.
        """
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(act())
            task.add_done_callback(lambda done: self._arrived(key, done))
        return await asyncio.shield(task)

    def _arrived(self, key: Hashable, done: asyncio.Task[T]) -> None:
        del self._running[key]
        if not done.cancelled():
            done.exception()  # those who wait have it; where nobody does any more, nobody else would look at it
