"""Whether the code of this process can work with the schema that is there.

Rolling updates let two releases work on one schema. What is expanded beyond a release does not concern it. What is
contracted does: a release brings a contract revision only if it works without what that takes away. So a release that
does not know one that was applied was made before, and may still use what is gone.
"""

from dataclasses import dataclass

from aiops_common.postgres.pool import Connection

# As JSON, because a schema that an older release migrated last has no undone_at.
_APPLIED = """
SELECT revision, phase, applied_at, applied_by FROM migration_versions AS m
WHERE to_jsonb(m) ->> 'undone_at' IS NULL ORDER BY applied_at
"""


@dataclass(frozen=True, slots=True)
class Needs:
    """The expand revision that the code of ``package`` needs, and the contract revisions that it can live with."""

    package: str
    expand: str
    contracts: frozenset[str]


async def misfit(connection: Connection, needs: Needs) -> str | None:
    """Why the code cannot work with the schema of ``connection``: what it needs, what is there, what to do.

    None where it can. Any role that may read ``migration_versions`` may ask.
    """
    rows = []
    if await connection.fetchval("SELECT to_regclass('migration_versions') IS NOT NULL"):
        rows = await connection.fetch(_APPLIED)
    expanded = [row["revision"] for row in rows if row["phase"] == "expand"]
    present = f"the schema is at {expanded[-1]}" if expanded else "the schema was never migrated"
    if needs.expand not in expanded:
        return f"{present}, this release needs {needs.expand}: run python -m {needs.package} migrate"
    for row in rows:
        if row["phase"] == "contract" and row["revision"] not in needs.contracts:
            return (
                f"{present} and was contracted by {row['revision']} ({row['applied_by']}, "
                f"{row['applied_at']:%Y-%m-%d %H:%M} UTC), after which this release, made for {needs.expand}, cannot "
                f"work: run a release that knows {row['revision']}, or take it back with that one: "
                f"python -m {needs.package} migrate --phase contract --undo {row['revision']}"
            )
    return None
