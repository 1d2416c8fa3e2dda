"""Says at the start of a process which append-only tables its role could still make its own again."""

from contextlib import suppress

from aiops_common.logging import get_logger
from aiops_common.postgres.errors import DatabaseUnavailable
from aiops_common.postgres.pool import Pool

_log = get_logger(__name__)

# A migration revokes UPDATE from the owner of what is append-only; `protect` then changes the owner.
_EXPOSED = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relowner = current_user::regrole AND NOT has_table_privilege(oid, 'UPDATE') ORDER BY relname
"""


class ExposedTables:
    """A component that warns once, where the database answers; nothing depends on it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def start(self) -> None:
        """Look, and warn."""
        with suppress(DatabaseUnavailable):
            async with self._pool.connection() as connection:
                tables = [row["relname"] for row in await connection.fetch(_EXPOSED)]
            if tables:
                _log.warning("history.not_protected", tables=tables, hint="run python -m aiops_common.postgres protect")

    async def stop(self) -> None:
        """There is nothing to give back."""
