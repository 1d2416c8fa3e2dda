"""message, which msg is to be called."""

from alembic import op

revision = "lines_0002"
down_revision = "lines_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column empty, without a default or a copy of msg: nothing is rewritten, so the lock is held for a moment.

    msg need not be there any more, because the release after the next does not write it; who does, goes on doing so.
    """
    op.execute("ALTER TABLE lines ADD COLUMN message text, ALTER COLUMN msg DROP NOT NULL")


def downgrade() -> None:
    """Take the column away; refused by PostgreSQL where a line has no msg, since it would be lost."""
    op.execute("ALTER TABLE lines ALTER COLUMN msg SET NOT NULL")
    op.execute("ALTER TABLE lines DROP COLUMN message")
