"""Bring a service's schema up to date, or a step back: Alembic, driven by a program, with SQL written by hand.

``aiops_common.postgres.revisions`` says what revisions look like.
"""

import importlib.metadata
import importlib.resources
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import psycopg
import stamina
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationInfo, MigrationStep, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from aiops_common.postgres.migration_session import connected, exclusive, no_lock
from aiops_common.postgres.releases import SESSIONS, Release, number, releases
from aiops_common.postgres.revisions import MigrationFailed, Phase, of_phase, scripts

Plan = Callable[[tuple[str, ...], Mapping[str, str], Sequence[Release]], list[RevisionStep]]
"""What to do, by the heads that Alembic has recorded, all revisions that are applied, with their phases, and the
releases that work on the schema."""

ATTEMPTS: Final = 5
"""How often a job tries to get its locks; it lets others pass in between, for a second at first."""

# Asked first: ADD COLUMN IF NOT EXISTS locks the table also where there is nothing to add. It would wait for every
# backup, and the readiness of all processes for it.
_HAS_HISTORY = text(
    """
    SELECT EXISTS (SELECT FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = 'migration_versions' AND column_name = 'undone_at')
    """
)

_HISTORY = """
CREATE TABLE IF NOT EXISTS migration_versions (
    revision text PRIMARY KEY,
    phase text NOT NULL,
    description text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    applied_by text NOT NULL,
    duration_ms integer NOT NULL
);
ALTER TABLE migration_versions ADD COLUMN IF NOT EXISTS undone_at timestamptz;
"""

# now() is when the migration's transaction began.
_RECORD = text(
    """
    INSERT INTO migration_versions (revision, phase, description, applied_by, duration_ms)
    VALUES (:revision, :phase, :description, :applied_by, extract(epoch FROM clock_timestamp() - now()) * 1000)
    ON CONFLICT (revision) DO UPDATE SET applied_at = excluded.applied_at, applied_by = excluded.applied_by,
        duration_ms = excluded.duration_ms, undone_at = NULL
    """
)

_APPLIED = text("SELECT revision, phase FROM migration_versions WHERE undone_at IS NULL ORDER BY applied_at")

_RECORD_UNDONE = text("UPDATE migration_versions SET undone_at = clock_timestamp() WHERE revision = :revision")


def migrate(database_url: str, schema: str, package: str, phase: Phase = "expand") -> list[str]:
    """Apply what is pending of ``phase``, each revision in a transaction of its own; return the revisions applied.

    Only one process migrates a schema at a time, the others wait for it. What was applied before an error stays. Where
    a later release has expanded the schema further, as before a roll-back, nothing is left to do.

    Raises:
        MigrationFailed: the server cannot be reached, the schema is missing, or contracted by a later release, the
            revisions are inconsistent, a statement failed, or a lock could not be had; or processes still run that
            do not know what contract applies.
    """
    script = _quiet_scripts(package)
    if not of_phase(script, phase):
        return []

    def steps(heads: tuple[str, ...], applied: Mapping[str, str], running: Sequence[Release]) -> list[RevisionStep]:
        later = _unknown(script, applied)
        if contracted := [revision for revision, of in later.items() if of == "contract"]:
            raise MigrationFailed(
                f"{schema} was contracted by {contracted[0]}, which {package} does not know: this release cannot work "
                "on it. Use a later one, or take that revision back with the one that brought it (migrate --undo)."
            )
        if later and (missing := [one.revision for one in of_phase(script, phase) if one.revision not in applied]):
            raise MigrationFailed(
                f"{schema} has {', '.join(later)}, which {package} does not know, and lacks {', '.join(missing)}: "
                "use the release that has all of them"
            )
        planned = [] if later else _steps(script, phase, heads)
        if phase == "contract":
            _refuse_for(schema, [one for one in running if one.contract < max(map(_number, planned), default=0)])
        return planned

    return _run(database_url, schema, package, script, steps)


def undo(database_url: str, schema: str, package: str, phase: Phase, revision: str) -> list[str]:
    """Take ``revision`` back, and before it those of ``phase`` that came after it; return them, the newest first.

    Each has to have a ``downgrade``. Where it is not applied, nothing happens, so it can be run again.

    Raises:
        MigrationFailed: as ``migrate``; or the package has no such revision, one of them cannot be taken back, or one
            of the other phase that is applied, or a process that runs, needs it.
    """
    script = _quiet_scripts(package)
    newest_first = [one.revision for one in of_phase(script, phase)]
    if revision not in newest_first:
        raise MigrationFailed(f"{package} has no {phase} revision {revision}; it has {newest_first[::-1]}")
    wanted = newest_first[: newest_first.index(revision) + 1]

    def steps(heads: tuple[str, ...], recorded: Mapping[str, str], running: Sequence[Release]) -> list[RevisionStep]:
        if later := _unknown(script, recorded):
            names = ", ".join(later)
            raise MigrationFailed(f"{schema} has {names}, which {package} does not know: use a later release")
        applied = {one.revision: one for one in script.iterate_revisions(heads, "base") if one}
        backwards = [applied.pop(one) for one in wanted if one in applied]
        for one in backwards:
            if needing := [other.revision for other in applied.values() if one.revision in other._all_down_revisions]:
                raise MigrationFailed(f"{one.revision} is needed by {', '.join(needing)}: undo that first")
            if not hasattr(one.module, "downgrade"):
                raise MigrationFailed(f"{one.revision} has no downgrade(): write a revision that puts it right instead")
        planned = [MigrationStep.downgrade_from_script(script.revision_map, one) for one in backwards]
        if phase == "expand" and planned:
            _refuse_for(schema, [one for one in running if one.expand >= min(map(_number, planned))])
        return planned

    return _run(database_url, schema, package, script, steps)


def pending(database_url: str, schema: str, package: str, phase: Phase = "expand") -> list[str]:
    """The revisions that ``migrate`` would apply, in order."""
    script = _quiet_scripts(package)
    if not of_phase(script, phase):
        return []
    with connected(database_url, schema) as connection:
        heads = _context(connection, schema).get_current_heads()
    return [step.revision.revision for step in _steps(script, phase, heads)]


def current_heads(database_url: str, schema: str) -> tuple[str, ...]:
    """The newest applied revision of each branch; empty before the first migration."""
    with connected(database_url, schema) as connection:
        return _context(connection, schema).get_current_heads()


def messaging_tables_v1() -> str:
    """SQL that creates the tables of the outbox and inbox in the schema at the head of the search path."""
    return _sql("messaging_v1.sql")


def messaging_tables_v2() -> str:
    """SQL that adds leases, what was given up, and the digest of the inbox."""
    return _sql("messaging_v2.sql")


def llm_runs_v1() -> str:
    """SQL that creates the table of what a language model was asked in the schema at the head of the search path."""
    return _sql("llm_runs_v1.sql")


def feature_flags_v1() -> str:
    """SQL that creates the table of the last known feature flags in the schema at the head of the search path."""
    return _sql("feature_flags_v1.sql")


def active_colours_v1() -> str:
    """SQL that creates the table of the colours that take work in the schema at the head of the search path."""
    return _sql("active_colours_v1.sql")


def _sql(name: str) -> str:
    return (importlib.resources.files(__package__) / "sql" / name).read_text(encoding="utf-8")


def _quiet_scripts(package: str) -> ScriptDirectory:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return scripts(package)


def _steps(script: ScriptDirectory, phase: Phase, heads: Any) -> list[Any]:
    # What alembic.command.upgrade itself calls; there is no public name for it.
    return script._upgrade_revs(f"{phase}@head", heads)


def _number(step: RevisionStep) -> int:
    return number(Path(step.revision.path).name)


def _refuse_for(schema: str, running: Sequence[Release]) -> None:
    if not running:
        return
    known = sorted({f"expand {one.expand:04} and contract {one.contract:04}" for one in running})
    raise MigrationFailed(
        f"{len(running)} processes still work on {schema} whose release needs what this takes away (it knows "
        f"{', or '.join(known)}): end them or replace them by another release, then run it again"
    )


def _unknown(script: ScriptDirectory, applied: Mapping[str, str]) -> dict[str, str]:
    """Of revision → phase what the package has no file of."""
    known = {one.revision for one in script.walk_revisions()}
    return {revision: phase for revision, phase in applied.items() if revision not in known}


def _run(database_url: str, schema: str, package: str, script: ScriptDirectory, plan: Plan) -> list[str]:
    done: list[str] = []
    try:
        with connected(database_url, schema) as connection, exclusive(connection, schema):
            for attempt in stamina.retry_context(
                on=lambda error: no_lock(error) is not None, attempts=ATTEMPTS, timeout=None, wait_initial=1.0
            ):
                with attempt:
                    _take(connection, script, schema, plan, _recorder(script, package, done))
    except DBAPIError as error:
        # Its details may quote a row, and this goes into logs.
        what = error.orig.diag.message_primary if isinstance(error.orig, psycopg.Error) else None
        if locked := no_lock(error):
            what = f"{locked}, {ATTEMPTS} times; look for long transactions in pg_stat_activity and run it again"
        raise MigrationFailed(f"{schema}: {what or type(error.orig)}; done so far: {done or 'nothing'}") from error
    return done


def _applied(connection: Connection) -> dict[str, str]:
    """Revision → phase of all that is applied; makes the table that says so where it is missing."""
    if not connection.scalar(_HAS_HISTORY):
        connection.execute(text(_HISTORY))
    applied = {row.revision: row.phase for row in connection.execute(_APPLIED)}
    connection.commit()
    return applied


def _context(connection: Connection, schema: str) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"version_table_schema": schema})


def _take(
    connection: Connection, script: ScriptDirectory, schema: str, plan: Plan, on_apply: Callable[..., None]
) -> None:
    connection.rollback()  # of an attempt before this one; Alembic must begin its transactions itself
    applied = _applied(connection)
    running = releases(connection.scalars(text(SESSIONS)))
    connection.commit()

    def steps(heads: tuple[str, ...], _context: MigrationContext) -> list[RevisionStep]:
        return plan(heads, applied, running)

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(
            connection=connection,
            version_table_schema=schema,
            transaction_per_migration=True,
            on_version_apply=on_apply,
        )
        with environment.begin_transaction():
            environment.run_migrations()


def _recorder(script: ScriptDirectory, package: str, done: list[str]) -> Callable[..., None]:
    version = _version(package)

    def record(*, ctx: MigrationContext, step: MigrationInfo, **_: object) -> None:
        revision = script.get_revision(step.up_revision_id) if step.up_revision_id else None
        if revision is None or ctx.connection is None:
            return
        if step.is_upgrade:
            values = {
                "revision": revision.revision,
                "phase": "contract" if "contract" in revision.branch_labels else "expand",
                "description": revision.doc,
                "applied_by": version,
            }
            ctx.connection.execute(_RECORD, values)
        else:
            ctx.connection.execute(_RECORD_UNDONE, {"revision": revision.revision})
        done.append(revision.revision)

    return record


def _version(package: str) -> str:
    distribution = package.replace("_", "-")
    try:
        return f"{distribution} {importlib.metadata.version(distribution)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{distribution} (not installed)"
