"""Feature flags as they were last told."""

from alembic import op

from aiops_common.postgres.migrate import feature_flags_v1

revision = "auth_0004"
down_revision = "auth_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.execute(feature_flags_v1())
