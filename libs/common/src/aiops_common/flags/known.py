"""The flags as this process knows them: what its schema holds, looked up when that changes."""

import asyncio
from collections.abc import Mapping
from typing import Final

from aiops_common.flags import table
from aiops_common.logging import get_logger
from aiops_common.postgres import DatabaseUnavailable, Listener, Pool
from aiops_common.tasks import stop_task
from aiops_contracts.base import FeatureFlag

_log = get_logger(__name__)

POLL_SECONDS: Final = 2.0
"""How often to look, though a notification usually tells at once: one that is lost costs no more than this."""

LOOK_SECONDS: Final = 2.0
"""How long one look may take. A connection that the network swallowed does not answer for much longer; the next look
has another one."""

FIRST_LOOK_SECONDS: Final = 5.0
"""How long work waits for the first look since the start, before it is told that the database is away."""


class KnownFlags:
    """A component that holds all flags in memory; while the database is away, those that it saw last."""

    def __init__(
        self,
        pool: Pool,
        listener: Listener,
        *,
        schema: str,
        poll_seconds: float = POLL_SECONDS,
        first_look_seconds: float = FIRST_LOOK_SECONDS,
    ) -> None:
        self._pool = pool
        self._first_look_seconds = first_look_seconds
        self._poll_seconds = poll_seconds
        self._current: Mapping[str, FeatureFlag] = {}
        self._changed = asyncio.Event()
        self._looked = asyncio.Event()
        self._told: str | None = None
        self._strange: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        listener.subscribe(table.channel(schema), lambda _payload: self._changed.set())

    @property
    def current(self) -> Mapping[str, FeatureFlag]:
        """All flags by their keys."""
        return self._current

    async def ready(self) -> None:
        """Returns when the flags were looked up once.

        Raises:
            DatabaseUnavailable: they still are not, after a while.
        """
        if self._looked.is_set():
            return
        try:
            async with asyncio.timeout(self._first_look_seconds):
                await self._looked.wait()
        except TimeoutError:
            raise DatabaseUnavailable("the feature flags could not be looked up since the start") from None

    async def start(self) -> None:
        """Begin to look in the background; never fails."""
        self._task = asyncio.create_task(self._run(), name="known-flags")

    async def stop(self) -> None:
        """Stop looking."""
        await stop_task(self._task)
        self._task = None

    async def look(self) -> None:
        """Take the flags as the schema has them now; raises DatabaseUnavailable."""
        async with self._pool.connection() as connection:
            async with asyncio.timeout(LOOK_SECONDS):
                flags, strange = await table.read(connection, self._current)
        before, self._current = self._current, flags
        is_first = not self._looked.is_set()
        self._looked.set()
        for flag in () if is_first else flags.values():
            if before.get(flag.key) != flag:
                _log.info("flags.changed", flag=flag.key, version=flag.version, enabled=flag.enabled)
        for key in set(strange) - self._strange:
            _log.warning("flags.not_understood", flag=key)
        self._strange = set(strange)

    async def _run(self) -> None:
        while True:
            await self._look_safely()
            try:
                async with asyncio.timeout(self._poll_seconds):
                    await self._changed.wait()
            except TimeoutError:
                pass  # a notification may be lost
            self._changed.clear()

    async def _look_safely(self) -> None:
        try:
            await self.look()
            self._told = None
        except DatabaseUnavailable:
            return  # whoever lost it has said so, and what was seen last holds
        except Exception as error:
            # Without the look no change would ever be seen; the schema may only be migrated later, for example.
            if self._told != str(error):
                self._told = str(error)
                _log.warning("flags.not_looked_up", error=self._told)
