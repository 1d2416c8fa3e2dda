"""Changelogs, and the outbox and inbox of the service."""

from alembic import op

from aiops_common.postgres.migrate import messaging_tables_v1

revision = "changelog_0001"
down_revision = None
branch_labels = ("expand",)
depends_on = None


def upgrade() -> None:
    """Create the first tables."""
    op.execute(messaging_tables_v1())
    op.execute(
        """
        CREATE TABLE changelogs (
            id uuid PRIMARY KEY,
            version integer NOT NULL CHECK (version >= 1),
            state text NOT NULL CHECK (state IN ('PENDING', 'SUCCEEDED', 'FAILED')),
            project text NOT NULL,
            document jsonb NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL
        )
        """
    )
