"""How this process is doing: which build it is, and how late its event loop comes to things."""

import asyncio
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from prometheus_client import Gauge, Histogram

from aiops_common.metrics import SECONDS

PAUSE_SECONDS: Final = 0.25

_BUILD = Gauge("aiops_build_info", "1; the version is in the label", ["version"])
_LAG = Histogram(
    "aiops_event_loop_lag_seconds",
    "How late the event loop was to wake somebody up, as a request that had just come would have been",
    buckets=SECONDS,
)


def set_build(distribution: str) -> None:
    """Tell the version of the installed ``distribution``."""
    with suppress(PackageNotFoundError):
        _BUILD.labels(version(distribution)).set(1)


class LoopLag:
    """Goes to sleep again and again, and records by how much it overslept."""

    def __init__(self, histogram: Histogram = _LAG) -> None:
        self._histogram = histogram
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="loop-lag")

    async def stop(self) -> None:
        """End at once."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + PAUSE_SECONDS
            await asyncio.sleep(PAUSE_SECONDS)
            self._histogram.observe(max(0.0, clock() - due))
