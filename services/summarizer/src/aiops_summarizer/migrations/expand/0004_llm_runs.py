"""What a language model was asked, and what came of it."""

from alembic import op

from aiops_common.postgres.migrate import llm_runs_v1

revision = "summarizer_0004"
down_revision = "summarizer_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.execute(llm_runs_v1())
