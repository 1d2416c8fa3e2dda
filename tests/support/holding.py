"""Keeping a service's statement waiting in the database, so that a test can break something meanwhile.

No lock does that: services wait no longer than 5 s for one. A trigger that sleeps does, up to their limit of 30 s for a
statement.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

import asyncpg

from support.eventually import eventually
from support.handing_in import count_rows, database
from support.stack import RunningStack

_KEY = 20_600_815
_WAITING = "wait_event = 'PgSleep' AND starts_with(application_name, $1)"


@asynccontextmanager
async def held(
    stack: RunningStack, operation: Literal["INSERT", "UPDATE"], owner: str, table: str
) -> AsyncIterator[None]:
    """Each such statement on the owner's table waits inside its transaction until this ends or PostgreSQL does."""
    async with database(stack) as connection:
        await _drop_triggers(connection)
        await connection.execute(
            f"""
            SELECT pg_advisory_lock({_KEY});
            CREATE OR REPLACE FUNCTION {owner}.hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                WHILE NOT pg_try_advisory_xact_lock_shared({_KEY}) LOOP PERFORM pg_sleep(0.05); END LOOP;
                RETURN NULL;
            END $$;
            CREATE OR REPLACE TRIGGER hold BEFORE {operation} ON {owner}.{table} EXECUTE FUNCTION {owner}.hold();
            """
        )
        try:
            yield
        finally:
            # Where PostgreSQL is gone, so is the lock, and the trigger that stays behind holds nobody for the moment.
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
                await connection.execute("SELECT pg_advisory_unlock_all()")
                await connection.execute(f"DROP TRIGGER hold ON {owner}.{table}")


async def _drop_triggers(connection: asyncpg.Connection) -> None:
    """Those that a test left behind by ending PostgreSQL: with the lock taken again they would hold its table too."""
    left = await connection.fetch(
        "SELECT tgrelid::regclass::text AS name FROM pg_trigger WHERE tgname = 'hold' AND NOT tgisinternal"
    )
    for row in left:
        await connection.execute(f"DROP TRIGGER hold ON {row['name']}")


async def until_held(stack: RunningStack, owner: str) -> None:
    """Wait until a statement of ``owner`` waits."""

    async def waits() -> bool:
        return await count_rows(stack, "pg_stat_activity", _WAITING, f"aiops-{owner}") > 0

    await eventually(waits)


async def end_held(stack: RunningStack, owner: str) -> None:
    """End what ``owner``, which was killed, left behind: the server would finish its statements without it.

    Until none is left: between two naps a statement that is held does not look as if it waited.
    """

    async def gone() -> bool:
        async with database(stack) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE starts_with(application_name, $1)",
                f"aiops-{owner}",
            )
        return await count_rows(stack, "pg_stat_activity", "starts_with(application_name, $1)", f"aiops-{owner}") == 0

    await eventually(gone)
