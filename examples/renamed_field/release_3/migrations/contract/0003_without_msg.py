"""msg is gone."""

from alembic import op

revision = "lines_contract_0003"
down_revision = "lines_contract_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the column; the rows stay as they are, so the lock is held for a moment."""
    op.execute("ALTER TABLE lines DROP COLUMN msg")


def downgrade() -> None:
    """Add it again, empty: a backfill from message has to fill it before anybody reads it."""
    op.execute("ALTER TABLE lines ADD COLUMN msg text")
