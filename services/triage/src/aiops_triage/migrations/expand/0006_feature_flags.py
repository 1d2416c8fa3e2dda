"""Feature flags as they were last told."""

from alembic import op

from aiops_common.postgres.migrate import feature_flags_v1

revision = "triage_0006"
down_revision = "triage_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.execute(feature_flags_v1())
