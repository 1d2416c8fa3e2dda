"""Keys that take turns, API keys, removed accounts, answers of idempotent requests, and a fuller audit log."""

from alembic import op

revision = "gateway_0004"
down_revision = "gateway_0003"
branch_labels = None
depends_on = None

KEYS = """
ALTER TABLE signing_keys ADD COLUMN signs_from timestamptz;
ALTER TABLE signing_keys ADD COLUMN verifies_until timestamptz;
CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    version integer NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    digest bytea NOT NULL UNIQUE,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_keys_newest ON api_keys (created_at DESC, id DESC);
"""

# A removed account stays as its id and version, so that an older event cannot bring it back.
USERS = "ALTER TABLE users ADD COLUMN removed_at timestamptz;"

# What a request was answered under its key; null while it is under way. Whoever works on it claims it until a moment
# that is put off again and again; a claim that has run out was somebody's who is gone.
ANSWERS = """
ALTER TABLE idempotency_keys ADD COLUMN answer jsonb;
ALTER TABLE idempotency_keys ADD COLUMN claimed_by uuid;
ALTER TABLE idempotency_keys ADD COLUMN claimed_until timestamptz;
CREATE INDEX idempotency_keys_oldest ON idempotency_keys USING brin (created_at);
"""

# principal (user:<uuid>, key:<uuid>, system, anonymous) takes the place of actor, which processes of the version before
# go on writing while they are replaced.
AUDIT_LOG = """
ALTER TABLE audit_log ALTER COLUMN actor DROP NOT NULL;
ALTER TABLE audit_log ADD COLUMN principal text;
ALTER TABLE audit_log ADD COLUMN outcome text;
ALTER TABLE audit_log ADD COLUMN subject uuid;
ALTER TABLE audit_log ADD COLUMN address text;
ALTER TABLE audit_log ADD COLUMN trace_id text;
UPDATE audit_log SET principal = 'user:' || actor, outcome = details ->> 'outcome';
CREATE INDEX audit_log_principal ON audit_log (principal, at DESC, id DESC);
CREATE INDEX audit_log_action ON audit_log (action, at DESC, id DESC);
CREATE INDEX audit_log_outcome ON audit_log (outcome, at DESC, id DESC);
CREATE INDEX audit_log_subject ON audit_log (subject, at DESC, id DESC) WHERE subject IS NOT NULL;
"""


def upgrade() -> None:
    """Add to keys, accounts, idempotency keys and the audit log; create the table for API keys."""
    for statements in (KEYS, USERS, ANSWERS, AUDIT_LOG):
        op.execute(statements)
