"""What must exist before anybody can log in: a signing key, and the first administrator."""

import asyncio

from pydantic import SecretStr

from aiops_auth.passwords import Passwords
from aiops_auth.service import AuthService
from aiops_common.logging import get_logger
from aiops_common.postgres import DatabaseUnavailable
from aiops_common.tasks import stop_task

_log = get_logger(__name__)


class Bootstrap:
    """Makes key and administrator at the start; while PostgreSQL is away it keeps trying in the background."""

    def __init__(
        self, service: AuthService, passwords: Passwords, admin_email: str | None, admin_password: SecretStr | None
    ) -> None:
        self._service = service
        self._passwords = passwords
        self._email = admin_email
        self._password = admin_password
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Make what is missing.

        Raises:
            FirstAdminRefused, SigningKeyUnreadable: a setting is wrong; the message says which one.
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
        await self._service.ensure_signing_key()
        if self._email and self._password:
            await self._service.ensure_first_admin(self._email, self._password.get_secret_value())

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
