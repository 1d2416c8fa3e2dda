"""History: one row for each version and, sealed, the logs as they came in."""

from alembic import op

revision = "summarizer_0003"
down_revision = "summarizer_0002"
branch_labels = None
depends_on = None

# Append-only: what may only be read and added to cannot be made to say something else. The owner could take
# the rights back, so `python -m aiops_common.postgres protect` gives the table to another one.
CHANGES = """
CREATE TABLE log_changes (
    log_id uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    kind text NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by text,
    delta jsonb NOT NULL,
    PRIMARY KEY (log_id, version)
);
REVOKE UPDATE, DELETE, TRUNCATE ON log_changes FROM CURRENT_USER;
"""

# As it came in, sealed by aiops_common.sealing; the key's id stands in the first bytes and here, to find what is due
# for another key.
RAW_CONTENTS = """
CREATE TABLE raw_contents (
    log_id uuid PRIMARY KEY,
    key_id text NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE raw_contents ALTER COLUMN sealed SET STORAGE EXTERNAL;
CREATE INDEX raw_contents_oldest ON raw_contents (created_at);
CREATE INDEX raw_contents_key ON raw_contents (key_id, log_id);
"""


def upgrade() -> None:
    """Create the tables."""
    for statements in (CHANGES, RAW_CONTENTS):
        op.execute(statements)
