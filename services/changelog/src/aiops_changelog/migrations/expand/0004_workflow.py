"""History: one row for each version."""

from alembic import op

revision = "changelog_0004"
down_revision = "changelog_0003"
branch_labels = None
depends_on = None

# Append-only: what may only be read and added to cannot be made to say something else. The owner could take
# the rights back, so `python -m aiops_common.postgres protect` gives the table to another one.
CHANGES = """
CREATE TABLE changelog_changes (
    changelog_id uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    kind text NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by text,
    delta jsonb NOT NULL,
    PRIMARY KEY (changelog_id, version)
);
REVOKE UPDATE, DELETE, TRUNCATE ON changelog_changes FROM CURRENT_USER;
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(CHANGES)
