"""What must exist before anybody can log in: keys, and the first administrator."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from aiops_auth.passwords import Passwords
from aiops_common.logging import get_logger
from aiops_common.postgres import DatabaseUnavailable
from aiops_common.tasks import stop_task

_log = get_logger(__name__)


class Bootstrap:
    """Takes ``steps`` at the start, each of which makes what is missing.

    While PostgreSQL is away it keeps trying in the background.
    """

    def __init__(self, steps: Sequence[Callable[[], Awaitable[object]]], passwords: Passwords) -> None:
        self._steps = steps
        self._passwords = passwords
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Make what is missing.

        Raises:
            FirstAdminRefused, SigningKeyUnreadable, CredentialKeyUnreadable: a setting is wrong; the message says
                which one.
        """
        try:
            await self._ensure()
        except DatabaseUnavailable:
            self._task = asyncio.create_task(self._keep_trying(), name="auth-bootstrap")

    async def stop(self) -> None:
        """Stop trying, and end the threads that hash."""
        await stop_task(self._task)
        self._passwords.close()

    async def _ensure(self) -> None:
        for step in self._steps:
            await step()

    async def _keep_trying(self) -> None:
        wait = 0.5
        while True:
            await asyncio.sleep(wait)
            try:
                await self._ensure()
                return
            except DatabaseUnavailable as error:
                wait = min(wait * 2, 5.0)
                _log.warning("auth.bootstrap_waits", error=str(error), retry_in_seconds=wait)
