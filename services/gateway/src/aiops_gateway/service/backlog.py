"""What was accepted and is not finished, as a metric."""

import asyncio
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from prometheus_client import Gauge

from aiops_common.logging import get_logger
from aiops_common.postgres import Pool
from aiops_gateway.repository import backlog
from aiops_gateway.repository.read_model import CHANGELOGS, LOG_ENTRIES, TICKETS, Kind

LOOK_EVERY_SECONDS: Final = 5.0

_KINDS: Final[Mapping[str, Kind[Any]]] = {"log": LOG_ENTRIES, "ticket": TICKETS, "changelog": CHANGELOGS}
_JOBS: Final = Gauge("aiops_pending_jobs", "Jobs in state PENDING, 10,000 at most", ["kind"])
_OLDEST: Final = Gauge(
    "aiops_pending_oldest_seconds", "Age of the oldest job in state PENDING, 0 without any", ["kind"]
)

_log = get_logger(__name__)


class Backlog:
    """Looks every few seconds, and so costs the same whoever asks for metrics. Unknown is NaN, not the last value."""

    def __init__(self, pool: Pool, *, every_seconds: float = LOOK_EVERY_SECONDS) -> None:
        self._pool = pool
        self._every_seconds = every_seconds
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name="backlog")

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            found: Mapping[str, tuple[int, float]] = {}
            try:
                async with asyncio.timeout(self._every_seconds), self._pool.connection() as connection:
                    found = await backlog.pending(connection, _KINDS.values())
            except Exception as error:
                # Readiness tells of a database that is away; what else can go wrong ends no looking either.
                _log.info("backlog.unknown", error_class=type(error).__name__)
            for name, kind in _KINDS.items():
                count, age = found.get(kind.name, (math.nan, math.nan))
                _JOBS.labels(name).set(count)
                _OLDEST.labels(name).set(age)
            await asyncio.sleep(self._every_seconds)
