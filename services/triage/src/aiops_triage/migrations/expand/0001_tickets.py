"""Tickets, and the outbox and inbox of triage."""

from alembic import op

from aiops_common.postgres.migrate import messaging_tables_v1

revision = "triage_0001"
down_revision = None
branch_labels = ("expand",)
depends_on = None


def upgrade() -> None:
    """Create the first tables."""
    op.execute(messaging_tables_v1())
    op.execute(
        """
        CREATE TABLE tickets (
            id uuid PRIMARY KEY,
            version integer NOT NULL CHECK (version >= 1),
            state text NOT NULL CHECK (state IN ('PENDING', 'SUCCEEDED', 'FAILED')),
            status text NOT NULL CHECK (status IN ('OPEN', 'IN_PROGRESS', 'WAITING', 'RESOLVED', 'CLOSED')),
            title text NOT NULL,
            body text NOT NULL,
            reporter_email text,
            source text NOT NULL,
            triage jsonb,
            failure jsonb,
            trace_id text,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL
        )
        """
    )
