"""The one session that migrates a schema: how long it waits for whom, and the lock that keeps other jobs out."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from sqlalchemy import Connection, NullPool, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError

from aiops_common.postgres.append_only import history_schema
from aiops_common.postgres.revisions import MigrationFailed

LOCK_NAMESPACE: Final = 0x41494F50
"""First half of the advisory lock's key ("AIOP"), so that it meets no other program's lock."""

LOCK_TIMEOUT = "5s"
"""How long a migration may wait for a table; all who come after it wait as well."""

OTHER_JOB_SECONDS = 600.0
"""How long a job waits for another one that migrates the same schema."""

LOOK_SECONDS: Final = 0.5

_NO_LOCK: Final[dict[str | None, str]] = {
    "55P03": f"a table stayed locked for longer than {LOCK_TIMEOUT}",
    "40P01": "the migration and another session waited for each other's tables (deadlock)",
}
"""SQLSTATEs of a statement that did not get a lock."""

# The role's own limits are meant for the service's short statements, not for building an index. Where the job was
# killed, its statement ends soon too, instead of holding the lock until it is done and rolled back.
_SETTINGS: Final = """
SET statement_timeout TO 0; SET idle_in_transaction_session_timeout TO 0; SET client_connection_check_interval TO '2s';
"""


@contextmanager
def connected(database_url: str, schema: str) -> Iterator[Connection]:
    """A session with ``schema`` at the head of its search path.

    Raises:
        MigrationFailed: the server cannot be reached or refuses, or there is no such schema.
    """
    engine = create_engine(
        make_url(database_url).set(drivername="postgresql+psycopg"),
        poolclass=NullPool,
        connect_args={"connect_timeout": 10, "application_name": f"aiops-{schema}-migrate"},
    )
    try:
        connection = engine.connect()
    except OperationalError as error:
        raise MigrationFailed(f"{schema}: PostgreSQL cannot be reached: {error.orig}") from error
    with connection:
        if connection.scalar(text("SELECT to_regnamespace(quote_ident(:schema))"), {"schema": schema}) is None:
            raise MigrationFailed(f"there is no schema {schema}: run python -m aiops_common.postgres provision first")
        quote = connection.dialect.identifier_preparer.quote
        # What is new is made in the first one; the second one has to exist for nobody.
        path = f"{quote(schema)}, {quote(history_schema(schema))}"
        connection.execute(text(f"SET search_path TO {path}; {_SETTINGS} SET lock_timeout TO '{LOCK_TIMEOUT}'"))
        connection.commit()
        yield connection


@contextmanager
def exclusive(connection: Connection, schema: str) -> Iterator[None]:
    """Be the only job that migrates ``schema``; raises MigrationFailed where another one takes too long."""
    key = {"namespace": LOCK_NAMESPACE, "schema": schema}
    deadline = time.monotonic() + OTHER_JOB_SECONDS
    # Asked again and again, outside a transaction: who waits for a lock holds a snapshot, and CREATE INDEX CONCURRENTLY
    # of the job that has the lock waits for all snapshots, so that PostgreSQL would have to end one of the two.
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:namespace, hashtext(:schema))"), key):
        connection.commit()
        if time.monotonic() > deadline:
            raise MigrationFailed(
                f"another job has been migrating {schema} for more than {OTHER_JOB_SECONDS:g} s: see aiops-{schema}-"
                "migrate in pg_stat_activity, and run it again when that is done"
            )
        time.sleep(LOOK_SECONDS)
    connection.commit()
    try:
        yield
    finally:
        with suppress(DBAPIError):  # the lock goes with a session that is lost
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:namespace, hashtext(:schema))"), key)
            connection.commit()


def no_lock(error: Exception) -> str | None:
    """Why a lock could not be had, which may go better in a while; None where something else went wrong."""
    return _NO_LOCK.get(getattr(error.orig, "sqlstate", None)) if isinstance(error, DBAPIError) else None
