"""The revisions that a package brings with it, read from its files without connecting.

A package keeps them in ``<package>/migrations/expand`` (what only adds; before a roll-out) and
``<package>/migrations/contract`` (what takes away; after it). Each is a branch whose first revision carries the label
``expand`` or ``contract``; the first of contract names the expand revision it needs in ``depends_on``. Revisions call
``op.execute`` with SQL; several statements may stand in one text, and a colon before a word is escaped with ``\\:``.
"""

import importlib.resources
import io
from pathlib import Path
from typing import Any, Literal

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationStep, RevisionStep
from alembic.script import Script, ScriptDirectory

from aiops_common.postgres.schema_version import Needs

Phase = Literal["expand", "contract"]


class MigrationFailed(Exception):
    """The schema could not be brought up to date; the message says what to do."""


def scripts(package: str) -> ScriptDirectory:
    """What Alembic knows of the revisions of ``package``."""
    directory = Path(str(importlib.resources.files(package) / "migrations"))
    return ScriptDirectory(directory, version_locations=[directory / "expand", directory / "contract"])


def of_phase(script: ScriptDirectory, phase: Phase) -> list[Script]:
    """The revisions of ``phase``, the newest first."""
    return [revision for revision in script.walk_revisions() if phase in revision.branch_labels]


def needs(package: str) -> Needs:
    """What the code of ``package`` needs of its schema.

    Raises:
        MigrationFailed: there is no revision labelled ``expand``, or there are several heads.
    """
    script = scripts(package)
    heads = [revision.revision for revision in of_phase(script, "expand") if revision.is_head]
    if len(heads) != 1:
        raise MigrationFailed(f"{package} must have one head labelled expand in its migrations and has {heads}")
    return Needs(package, heads[0], frozenset(revision.revision for revision in of_phase(script, "contract")))


def statements(package: str, phase: Phase) -> dict[str, str]:
    """The SQL that each revision of ``phase`` executes, with the transactions around it, in the order of revisions."""
    script = scripts(package)
    return {revision.revision: _written(script, revision) for revision in reversed(of_phase(script, phase))}


def _written(script: ScriptDirectory, revision: Script) -> str:
    written = io.StringIO()

    def steps(_heads: Any, _context: Any) -> list[RevisionStep]:
        return [MigrationStep.upgrade_from_script(script.revision_map, revision)]

    before = revision.down_revision
    with EnvironmentContext(
        Config(), script, fn=steps, as_sql=True, starting_rev=before, destination_rev=revision.revision
    ) as environment:
        environment.configure(dialect_name="postgresql", output_buffer=written, transaction_per_migration=True)
        with environment.begin_transaction():
            environment.run_migrations()
    return written.getvalue()
