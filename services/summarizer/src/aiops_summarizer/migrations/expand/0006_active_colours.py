"""Which of two releases beside each other takes work."""

from alembic import op

from aiops_common.postgres.migrate import active_colours_v1

revision = "summarizer_0006"
down_revision = "summarizer_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.execute(active_colours_v1())
