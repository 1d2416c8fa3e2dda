"""The trace of each row's last write, and indexes of what is pending."""

from alembic import op

revision = "gateway_0005"
down_revision = "gateway_0004"
branch_labels = None
depends_on = None

_TABLES = ("log_entries", "tickets", "changelogs")


def upgrade() -> None:
    """Add a column without default, which rewrites nothing, and indexes, while the tables are read and written."""
    for table in _TABLES:
        # Building an index beside writers ends the transaction before it, so this may have been done in an attempt
        # that ended early; the index of such an attempt is no good.
        op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS traceparent text")
    with op.get_context().autocommit_block():
        for table in _TABLES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {table}_pending")
            op.execute(f"CREATE INDEX CONCURRENTLY {table}_pending ON {table} (created_at) WHERE state = 'PENDING'")
