"""Bring a service's schema up to date: Alembic, driven by a program, with SQL written by hand.

A package keeps its revisions in ``<package>/migrations/expand`` (what only adds; before a roll-out) and
``<package>/migrations/contract`` (what takes away; after it). Each is a branch whose first revision carries the label
``expand`` or ``contract``; the first of contract names the expand revision it needs in ``depends_on``. Revisions call
``op.execute`` with SQL; several statements may stand in one text, and a colon before a word is escaped with ``\\:``.
"""

import importlib.metadata
import importlib.resources
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import stamina
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationInfo, RevisionStep
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from aiops_common.postgres.append_only import history_schema

Phase = Literal["expand", "contract"]

LOCK_NAMESPACE = 0x41494F50
"""First half of the advisory lock's key ("AIOP"), so that it meets no other program's lock."""

LOCK_TIMEOUT = "5s"
"""How long a migration may wait for a table; all who come after it wait as well."""

_HISTORY = """
CREATE TABLE IF NOT EXISTS migration_versions (
    revision text PRIMARY KEY,
    phase text NOT NULL,
    description text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    applied_by text NOT NULL,
    duration_ms integer NOT NULL
)
"""

# now() is when the migration's transaction began.
_RECORD = text(
    """
    INSERT INTO migration_versions (revision, phase, description, applied_by, duration_ms)
    VALUES (:revision, :phase, :description, :applied_by, extract(epoch FROM clock_timestamp() - now()) * 1000)
    """
)


class MigrationFailed(Exception):
    """The schema could not be brought up to date; the message says what to do."""


def migrate(database_url: str, schema: str, package: str, phase: Phase = "expand") -> list[str]:
    """Apply what is pending of ``phase``, each revision in a transaction of its own; return the revisions applied.

    Only one process migrates a schema at a time, the others wait for it. What was applied before an error stays.

    Raises:
        MigrationFailed: the schema is missing, the revisions are inconsistent, or a lock could not be had.
        sqlalchemy.exc.DBAPIError: a statement failed, or the server cannot be reached.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    script = _scripts(package)
    if not _revisions(script, phase):
        return []
    applied: list[str] = []
    with _connected(database_url, schema) as connection, _exclusive(connection, schema):
        connection.execute(text(_HISTORY))
        connection.commit()
        try:
            for attempt in stamina.retry_context(on=_is_lock_timeout, attempts=5, timeout=None, wait_initial=1.0):
                with attempt:
                    _upgrade(connection, script, schema, phase, _recorder(script, package, applied))
        except OperationalError as error:
            if not _is_lock_timeout(error):
                raise
            raise MigrationFailed(
                f"{schema}: a table stayed locked for longer than {LOCK_TIMEOUT}, five times; applied so far: "
                f"{applied or 'nothing'}. Look for long transactions in pg_stat_activity and run it again."
            ) from error
    return applied


def pending(database_url: str, schema: str, package: str, phase: Phase = "expand") -> list[str]:
    """The revisions that ``migrate`` would apply, in order."""
    script = _scripts(package)
    if not _revisions(script, phase):
        return []
    with _connected(database_url, schema) as connection:
        heads = _context(connection, schema).get_current_heads()
    return [step.revision.revision for step in _steps(script, phase, heads)]


def current_heads(database_url: str, schema: str) -> tuple[str, ...]:
    """The newest applied revision of each branch; empty before the first migration."""
    with _connected(database_url, schema) as connection:
        return _context(connection, schema).get_current_heads()


def expand_head(package: str) -> str:
    """The expand revision that the package's code needs, read from its files without connecting.

    Raises:
        MigrationFailed: there is no revision labelled ``expand``, or there are several heads.
    """
    heads = [revision.revision for revision in _revisions(_scripts(package), "expand") if revision.is_head]
    if len(heads) != 1:
        raise MigrationFailed(f"{package} must have one head labelled expand in its migrations and has {heads}")
    return heads[0]


def messaging_tables_v1() -> str:
    """SQL that creates the tables of the outbox and inbox in the schema at the head of the search path."""
    return _sql("messaging_v1.sql")


def messaging_tables_v2() -> str:
    """SQL that adds leases, what was given up, and the digest of the inbox."""
    return _sql("messaging_v2.sql")


def llm_runs_v1() -> str:
    """SQL that creates the table of what a language model was asked in the schema at the head of the search path."""
    return _sql("llm_runs_v1.sql")


def _sql(name: str) -> str:
    return (importlib.resources.files(__package__) / "sql" / name).read_text(encoding="utf-8")


def _scripts(package: str) -> ScriptDirectory:
    directory = Path(str(importlib.resources.files(package) / "migrations"))
    return ScriptDirectory(directory, version_locations=[directory / "expand", directory / "contract"])


def _revisions(script: ScriptDirectory, phase: Phase) -> list[Script]:
    return [revision for revision in script.walk_revisions() if phase in revision.branch_labels]


def _steps(script: ScriptDirectory, phase: Phase, heads: Any) -> list[Any]:
    # What alembic.command.upgrade itself calls; there is no public name for it.
    return script._upgrade_revs(f"{phase}@head", heads)


def _context(connection: Connection, schema: str) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"version_table_schema": schema})


@contextmanager
def _connected(database_url: str, schema: str) -> Iterator[Connection]:
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    with engine.connect() as connection:
        if connection.scalar(text("SELECT to_regnamespace(quote_ident(:schema))"), {"schema": schema}) is None:
            raise MigrationFailed(f"there is no schema {schema}: run python -m aiops_common.postgres provision first")
        quote = connection.dialect.identifier_preparer.quote
        # What is new is made in the first one; the second one has to exist for nobody.
        path = f"{quote(schema)}, {quote(history_schema(schema))}"
        # The role's own limits are meant for the service's short statements, not for building an index.
        connection.execute(text(f"SET search_path TO {path}; SET statement_timeout TO 0"))
        connection.execute(text("SET idle_in_transaction_session_timeout TO 0"))
        connection.commit()
        yield connection


@contextmanager
def _exclusive(connection: Connection, schema: str) -> Iterator[None]:
    key = {"namespace": LOCK_NAMESPACE, "schema": schema}
    connection.execute(text("SET lock_timeout TO '10min'"))
    connection.execute(text("SELECT pg_advisory_lock(:namespace, hashtext(:schema))"), key)
    connection.execute(text(f"SET lock_timeout TO '{LOCK_TIMEOUT}'"))
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:namespace, hashtext(:schema))"), key)
        connection.commit()


def _upgrade(
    connection: Connection, script: ScriptDirectory, schema: str, phase: Phase, on_apply: Callable[..., None]
) -> None:
    connection.rollback()  # of an attempt before this one; Alembic must begin its transactions itself

    def steps(heads: tuple[str, ...], _context: MigrationContext) -> list[RevisionStep]:
        return _steps(script, phase, heads)

    with EnvironmentContext(Config(), script, fn=steps, destination_rev=f"{phase}@head") as environment:
        environment.configure(
            connection=connection,
            version_table_schema=schema,
            transaction_per_migration=True,
            on_version_apply=on_apply,
        )
        with environment.begin_transaction():
            environment.run_migrations()


def _recorder(script: ScriptDirectory, package: str, applied: list[str]) -> Callable[..., None]:
    version = _version(package)

    def record(*, ctx: MigrationContext, step: MigrationInfo, **_: object) -> None:
        revision = script.get_revision(step.up_revision_id) if step.up_revision_id else None
        if revision is None or ctx.connection is None:
            return
        values = {
            "revision": revision.revision,
            "phase": "contract" if "contract" in revision.branch_labels else "expand",
            "description": revision.doc,
            "applied_by": version,
        }
        ctx.connection.execute(_RECORD, values)
        applied.append(revision.revision)

    return record


def _version(package: str) -> str:
    distribution = package.replace("_", "-")
    try:
        return f"{distribution} {importlib.metadata.version(distribution)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{distribution} (not installed)"


def _is_lock_timeout(error: Exception) -> bool:
    return isinstance(error, OperationalError) and getattr(error.orig, "sqlstate", None) == "55P03"
