"""Lines of logs, and what every service has: the feature flags that it was told of."""

from alembic import op

from aiops_common.postgres.migrate import feature_flags_v1

revision = "lines_0001"
down_revision = None
branch_labels = ("expand",)
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.execute("CREATE TABLE lines (id bigint PRIMARY KEY, source text NOT NULL, msg text NOT NULL)")
    op.execute(feature_flags_v1())
