"""Retention: what is too old is deleted in small steps, so that no deletion holds locks for long."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiops_common.logging import get_logger
from aiops_common.postgres import Connection, DatabaseUnavailable, Pool
from aiops_common.tasks import stop_task

_log = get_logger(__name__)

_SWEEP_SECONDS: Final = 3600.0
_BETWEEN_STEPS_SECONDS: Final = 0.1
_MOST_STEPS: Final = 1_000


class Retention:
    """A component that sweeps every hour. ``what`` names the rows in the log.

    ``delete_old`` deletes a bounded number of the oldest rows that are too old, and returns how many.
    """

    def __init__(
        self,
        pool: Pool,
        what: str,
        delete_old: Callable[[Connection], Awaitable[int]],
        *,
        sweep_seconds: float = _SWEEP_SECONDS,
    ) -> None:
        self._pool = pool
        self._what = what
        self._delete_old = delete_old
        self._sweep_seconds = sweep_seconds
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to sweep in the background; never fails."""
        self._task = asyncio.create_task(self._run(), name=f"retention-{self._what}")

    async def stop(self) -> None:
        """End at once; what is left is deleted another time."""
        await stop_task(self._task)
        self._task = None

    async def sweep(self) -> int:
        """Delete what is too old, in at most a thousand steps; returns how many rows.

        Raises:
            DatabaseUnavailable: some of it may be left.
        """
        total = 0
        for _ in range(_MOST_STEPS):
            async with self._pool.connection() as connection:
                deleted = await self._delete_old(connection)
            total += deleted
            if not deleted:
                break
            await asyncio.sleep(_BETWEEN_STEPS_SECONDS)
        return total

    async def _run(self) -> None:
        while True:
            try:
                if deleted := await self.sweep():
                    _log.info("retention.swept", what=self._what, deleted=deleted)
            except Exception as error:
                # Without the sweep the table grows for ever; the schema may only be migrated later, for example.
                expected = isinstance(error, DatabaseUnavailable)
                _log.warning("retention.not_swept", what=self._what, error=str(error), exc_info=not expected)
            await asyncio.sleep(self._sweep_seconds)


async def delete_older(
    connection: Connection, table: str, *, days: int, limit: int, key: str = "id", at: str = "at"
) -> int:
    """Delete up to ``limit`` rows of ``table`` that are older than that, oldest first; returns how many.

    ``key`` is the primary key, ``at`` the time of writing, which needs an index in its order. All names are ours, never
    a client's.
    """
    status: str = await connection.execute(
        f"""
        DELETE FROM {table} WHERE {key} IN (
            SELECT {key} FROM {table} WHERE {at} < now() - make_interval(days => $1)
            ORDER BY {at} LIMIT $2 FOR UPDATE SKIP LOCKED
        )
        """,
        days,
        limit,
    )
    return int(status.rpartition(" ")[2])
