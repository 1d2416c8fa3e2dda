"""Which of two releases beside each other takes work."""

from alembic import op

from aiops_common.postgres.migrate import active_colours_v1

revision = "auth_0005"
down_revision = "auth_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.execute(active_colours_v1())
