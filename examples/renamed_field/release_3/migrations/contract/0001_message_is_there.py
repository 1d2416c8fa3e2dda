"""Every line that is written from now on has a message."""

from alembic import op

revision = "lines_contract_0001"
down_revision = None
branch_labels = ("contract",)
depends_on = "lines_0002"


def upgrade() -> None:
    """Ask it of new lines only, which needs no look at the others."""
    op.execute("ALTER TABLE lines ADD CONSTRAINT lines_message CHECK (message IS NOT NULL) NOT VALID")


def downgrade() -> None:
    """Ask it no more."""
    op.execute("ALTER TABLE lines DROP CONSTRAINT lines_message")
