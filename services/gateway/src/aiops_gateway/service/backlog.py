"""What was accepted and is not finished, as a metric."""

import math
from collections.abc import Mapping
from typing import Any, Final

from prometheus_client import Gauge

from aiops_common.postgres import Pool
from aiops_common.sampling import EVERY_SECONDS, Sampler
from aiops_gateway.repository import backlog
from aiops_gateway.repository.read_model import CHANGELOGS, LOG_ENTRIES, TICKETS, Kind

_KINDS: Final[Mapping[str, Kind[Any]]] = {"log": LOG_ENTRIES, "ticket": TICKETS, "changelog": CHANGELOGS}
_JOBS: Final = Gauge("aiops_pending_jobs", "Jobs in state PENDING, 10,000 at most", ["kind"])
_OLDEST: Final = Gauge(
    "aiops_pending_oldest_seconds", "Age of the oldest job in state PENDING, 0 without any", ["kind"]
)


def pending_jobs(pool: Pool, *, every_seconds: float = EVERY_SECONDS) -> Sampler:
    """Looks every few seconds, and so costs the same whoever asks for metrics. Unknown is NaN, not the last value."""

    async def look() -> None:
        async with pool.connection() as connection:
            found = await backlog.pending(connection, _KINDS.values())
        for name, kind in _KINDS.items():
            _show(name, *found[kind.name])

    return Sampler("backlog", look, _unknown, every_seconds=every_seconds)


def _unknown() -> None:
    for name in _KINDS:
        _show(name, math.nan, math.nan)


def _show(name: str, count: float, oldest_seconds: float) -> None:
    _JOBS.labels(name).set(count)
    _OLDEST.labels(name).set(oldest_seconds)
