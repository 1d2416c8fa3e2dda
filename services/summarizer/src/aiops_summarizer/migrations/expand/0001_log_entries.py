"""Log entries, and the outbox and inbox of the summarizer."""

from alembic import op

from aiops_common.postgres.migrate import messaging_tables_v1

revision = "summarizer_0001"
down_revision = None
branch_labels = ("expand",)
depends_on = None


def upgrade() -> None:
    """Create the first tables."""
    op.execute(messaging_tables_v1())
    op.execute(
        """
        CREATE TABLE log_entries (
            id uuid PRIMARY KEY,
            version integer NOT NULL CHECK (version >= 1),
            state text NOT NULL CHECK (state IN ('PENDING', 'SUCCEEDED', 'FAILED')),
            source text NOT NULL,
            content text NOT NULL,
            line_count integer NOT NULL,
            byte_count integer NOT NULL,
            summary jsonb,
            failure jsonb,
            trace_id text,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL
        )
        """
    )
