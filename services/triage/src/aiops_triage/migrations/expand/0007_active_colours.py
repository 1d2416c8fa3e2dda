"""Which of two releases beside each other takes work."""

from alembic import op

from aiops_common.postgres.migrate import active_colours_v1

revision = "triage_0007"
down_revision = "triage_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.execute(active_colours_v1())
