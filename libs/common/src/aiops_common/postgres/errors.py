"""What can go wrong between us and PostgreSQL, sorted by what the caller should do about it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg


class DatabaseUnavailable(Exception):
    """PostgreSQL cannot be reached now; the same call may succeed later. Nothing was committed for certain."""


DATABASE_FAILURES: Final = (DatabaseUnavailable, asyncpg.PostgresError)
"""For ``except`` in a command, which says what was wrong and ends: PostgreSQL is away, or refuses, e.g. because of the
password or since the schema is not migrated."""

# 57P01..57P03 are shutdown, crash and start-up; class 08 is the connection itself; 53300 is "too many connections".
# 53100 is a full disk: no message is to blame for it, and all can be written once there is room.
UNAVAILABLE: Final[tuple[type[Exception], ...]] = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.DiskFullError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.InterfaceError,
    # What giving a connection back raises when the server died amid one of its queries.
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn every way in which the connection fails into DatabaseUnavailable; let all other errors through.

    Raises:
        DatabaseUnavailable: PostgreSQL refused, dropped or did not answer in time.
    """
    try:
        yield
    except UNAVAILABLE as error:
        raise DatabaseUnavailable(f"PostgreSQL is unavailable: {type(error).__name__}") from error
