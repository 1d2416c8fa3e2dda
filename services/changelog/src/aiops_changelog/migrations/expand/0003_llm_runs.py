"""What a language model was asked, and what came of it."""

from alembic import op

from aiops_common.postgres.migrate import llm_runs_v1

revision = "changelog_0003"
down_revision = "changelog_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.execute(llm_runs_v1())
