"""Leases, what was given up, and the digest of the inbox."""

from alembic import op

from aiops_common.postgres.migrate import messaging_tables_v2

revision = "gateway_0002"
down_revision = "gateway_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add to the tables for messaging."""
    op.execute(messaging_tables_v2())
