"""One connection that listens for notifications, and listens again after it was lost."""

import asyncio
import time
from collections.abc import Callable

import asyncpg

from aiops_common.logging import get_logger
from aiops_common.outage import Outage
from aiops_common.postgres.errors import DatabaseUnavailable, translated_errors
from aiops_common.tasks import stop_task

_log = get_logger(__name__)

Callback = Callable[[str], None]
RECONNECTED = ""
"""Payload that callbacks get after (re)connecting: anything may have been missed, so look at everything."""


class Listener:
    """LISTEN on several channels over one dedicated connection.

    A pool recovers from a restart of PostgreSQL by itself; a LISTEN does not, because it lives in the session. This
    keeps one session open with a probe every ``probe_seconds`` and reconnects with back-off up to ``max_wait_seconds``.
    """

    def __init__(self, url: str, *, probe_seconds: float = 1.0, max_wait_seconds: float = 5.0) -> None:
        self._url = url
        self._probe_seconds = probe_seconds
        self._max_wait_seconds = max_wait_seconds
        self._callbacks: dict[str, list[Callback]] = {}
        self._task: asyncio.Task[None] | None = None
        self._connection: asyncpg.Connection | None = None
        self._heard_at = float("-inf")
        self._outage = Outage()

    @property
    def connected(self) -> bool:
        """Whether notifications arrive: False as soon as the connection breaks, and where it has not answered a probe
        for three times ``probe_seconds``, because a network may swallow a connection without breaking it."""
        fresh = time.monotonic() - self._heard_at < 3 * self._probe_seconds
        return fresh and self._connection is not None and not self._connection.is_closed()

    def subscribe(self, channel: str, callback: Callback) -> None:
        """Call ``callback(payload)`` for each notification on ``channel``; to be called before ``start``."""
        self._callbacks.setdefault(channel, []).append(callback)

    async def start(self) -> None:
        """Begin listening in the background; never fails."""
        self._task = asyncio.create_task(self._run(), name="listener")

    async def stop(self) -> None:
        """Close the connection."""
        await stop_task(self._task)

    async def _run(self) -> None:
        wait = 0.1
        while True:
            try:
                await self._listen()
                wait = 0.1
            except DatabaseUnavailable as error:
                if self._outage.begins():
                    _log.warning("listener.lost", error=str(error))
            await asyncio.sleep(wait)
            wait = min(wait * 2, self._max_wait_seconds)

    async def _listen(self) -> None:
        with translated_errors():
            connection = await asyncpg.connect(self._url, timeout=5, command_timeout=10)
        try:
            with translated_errors():
                for channel in self._callbacks:
                    await connection.add_listener(channel, self._dispatch)
            self._heard_at = time.monotonic()
            self._connection = connection
            if (seconds := self._outage.ends()) is not None:
                _log.info("listener.back", away_seconds=seconds)
            self._announce_reconnect()
            while True:
                await asyncio.sleep(self._probe_seconds)
                asked_at = time.monotonic()
                with translated_errors():
                    await connection.execute("SELECT 1", timeout=2 * self._probe_seconds)
                # Everything that was told before the answer has arrived before it.
                self._heard_at = asked_at
        finally:
            self._connection = None
            connection.terminate()

    def _dispatch(self, _connection: object, _pid: int, channel: str, payload: object) -> None:
        for callback in self._callbacks[channel]:
            callback(str(payload))

    def _announce_reconnect(self) -> None:
        for callbacks in self._callbacks.values():
            for callback in callbacks:
                callback(RECONNECTED)
