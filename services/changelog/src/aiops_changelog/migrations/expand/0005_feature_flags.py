"""Feature flags as they were last told."""

from alembic import op

from aiops_common.postgres.migrate import feature_flags_v1

revision = "changelog_0005"
down_revision = "changelog_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.execute(feature_flags_v1())
