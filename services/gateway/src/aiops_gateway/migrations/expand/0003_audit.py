"""The audit log: what administrators had done, and what came of it."""

from alembic import op

revision = "gateway_0003"
down_revision = "gateway_0002"
branch_labels = None
depends_on = None

AUDIT_LOG = """
CREATE TABLE audit_log (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor uuid NOT NULL,
    action text NOT NULL,
    details jsonb NOT NULL
);
CREATE INDEX audit_log_newest ON audit_log (at DESC, id DESC);
"""


def upgrade() -> None:
    """Create the audit log."""
    op.execute(AUDIT_LOG)
