"""What time brings about: keys take turns, and what is not needed any more is forgotten."""

import asyncio
import random
from datetime import timedelta

from aiops_auth.service import ApiKeys, ExpiredSessions, KeyRing
from aiops_common.logging import get_logger
from aiops_common.postgres import DatabaseUnavailable
from aiops_common.tasks import stop_task

_log = get_logger(__name__)

_LONGEST_WAIT_SECONDS = 600.0


class Upkeep:
    """Looks after keys every ``every_seconds``; any number of replicas may, their database lets one act at a time.

    ``rotation_age`` is how old the newest signing key gets before new keys are made, None: they never are.
    """

    def __init__(
        self,
        keys: KeyRing,
        api_keys: ApiKeys,
        sessions: ExpiredSessions,
        *,
        rotation_age: timedelta | None,
        every_seconds: float = 60.0,
    ) -> None:
        self._keys = keys
        self._api_keys = api_keys
        self._sessions = sessions
        self._rotation_age = rotation_age
        self._every_seconds = every_seconds
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin in the background."""
        self._task = asyncio.create_task(self._run(), name="auth-upkeep")

    async def stop(self) -> None:
        """Stop; what was under way is rolled back."""
        await stop_task(self._task)

    async def once(self) -> None:
        """Do what is due now.

        Raises:
            DatabaseUnavailable: nothing was done for certain.
        """
        await self._api_keys.wipe_secrets()
        await self._sessions.sweep()
        await self._keys.delete_ended()
        if self._rotation_age is not None:
            await self._keys.rotate_if_older(self._rotation_age)

    async def _run(self) -> None:
        wait = self._every_seconds
        while True:
            # At random times, so that replicas that started together do not always come together.
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 -- no secret
            try:
                await self.once()
                wait = self._every_seconds
            except DatabaseUnavailable as error:
                wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
                _log.warning("auth.upkeep_waits", error=str(error), retry_in_seconds=wait)
            except Exception as error:
                # Whatever it is, it must neither end this for good nor fill the log.
                wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
                _log.error("auth.upkeep_failed", error_class=type(error).__name__, retry_in_seconds=wait)
