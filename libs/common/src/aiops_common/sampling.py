"""Looking at something every few seconds, for gauges of what no event of this process tells."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable

from aiops_common.logging import get_logger

_log = get_logger(__name__)

EVERY_SECONDS = 5.0
MAX_PAUSE_SECONDS = 30.0
"""Longest pause between two looks while what is looked at is away."""

DEADLINE_SECONDS = 3.0
"""Longest time of one look."""

STOP_SECONDS = 1.0
"""How long the end of a look that is under way is waited for."""


class Sampler:
    """Calls ``look`` every few seconds, and ``unknown`` where it fails; nothing of it ever fails the process.

    That it fails is logged at level DEBUG: those who need what is away say so louder.
    """

    def __init__(
        self,
        name: str,
        look: Callable[[], Awaitable[None]],
        unknown: Callable[[], None],
        *,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self._name = name
        self._look = look
        self._unknown = unknown
        self._every_seconds = every_seconds
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look; nothing is known until the first look has ended."""
        self._unknown()
        # An empty context: what it does belongs to no trace.
        self._task = asyncio.create_task(self._run(), name=f"sampler-{self._name}", context=contextvars.Context())

    async def stop(self) -> None:
        """Look no more; never fails, and waits no longer than ``STOP_SECONDS``."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=STOP_SECONDS)
            self._unknown()

    async def _run(self) -> None:
        pause = self._every_seconds
        while True:
            try:
                async with asyncio.timeout(DEADLINE_SECONDS):
                    await self._look()
                pause = self._every_seconds
            except Exception as error:
                self._unknown()
                _log.debug("sampler.failed", sampler=self._name, error_class=type(error).__name__)
                pause = min(2 * pause, max(MAX_PAUSE_SECONDS, self._every_seconds))
            await asyncio.sleep(pause)
