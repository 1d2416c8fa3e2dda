"""How a command reaches the database of the service."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from aiops_common.logging import setup_command_logging
from aiops_common.postgres import DATABASE_FAILURES, Pool
from aiops_common.settings import load_settings
from aiops_triage.command.failing import fail, told_failures
from aiops_triage.service import RegistryError
from aiops_triage.settings import TriageSettings

T = TypeVar("T")


def with_database(work: Callable[[Pool], Coroutine[Any, Any, T]]) -> T:
    """What ``work`` returns, given a pool of the service's schema, from the service's own settings.

    Raises:
        typer.Exit: after saying on standard error what was expected to go wrong.
    """
    setup_command_logging("triage")
    settings = load_settings(TriageSettings)

    async def run() -> T:
        pool = Pool(settings.database_url.get_secret_value(), max_size=2, name="aiops-triage-command")
        try:
            return await work(pool)
        finally:
            await pool.stop()

    try:
        with told_failures():
            return asyncio.run(run())
    except RegistryError as error:
        fail(str(error))
    except DATABASE_FAILURES as error:
        fail(f"PostgreSQL: {error}")
