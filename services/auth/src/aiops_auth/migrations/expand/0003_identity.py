"""Keys that take turns, credentials that are encrypted, API keys, and the record of what happened to all of them."""

from alembic import op

revision = "auth_0003"
down_revision = "auth_0002"
branch_labels = None
depends_on = None

KEYS = """
ALTER TABLE signing_keys ADD COLUMN signs_from timestamptz;
ALTER TABLE signing_keys ADD COLUMN verifies_until timestamptz;
CREATE TABLE credential_keys (
    kid text PRIMARY KEY CHECK (char_length(kid) BETWEEN 1 AND 100),
    jwk jsonb NOT NULL CHECK (NOT jwk ? 'd'),
    sealed_private_key bytea NOT NULL,
    created_at timestamptz NOT NULL,
    opens_until timestamptz
);
"""

# sign_up_id is the id of the message that made the account, so that its repetition is known again.
ACCOUNTS = """
ALTER TABLE accounts ADD COLUMN sign_up_id uuid;
CREATE UNIQUE INDEX accounts_sign_up ON accounts (sign_up_id) WHERE sign_up_id IS NOT NULL;
CREATE INDEX refresh_families_expired ON refresh_families (expires_at);
"""

# request_id and sealed_secret (sealed with the master key) let a repetition of the request have the same answer for
# some minutes; afterwards nobody can show the secret again.
API_KEYS = """
CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    version integer NOT NULL CHECK (version >= 1),
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    role text NOT NULL CHECK (role IN ('ADMIN', 'OPS', 'HR', 'VIEWER')),
    digest bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    request_id uuid NOT NULL UNIQUE,
    sealed_secret bytea
);
CREATE INDEX api_keys_secrets ON api_keys (created_at) WHERE sealed_secret IS NOT NULL;
"""

# Append-only: what may only be read and added to cannot be made to say something else. The owner could take
# the rights back, so `python -m aiops_common.postgres protect` gives the table to another one.
SECURITY_EVENTS = """
CREATE TABLE security_events (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    action text NOT NULL,
    outcome text NOT NULL,
    actor text NOT NULL,
    subject uuid,
    address text,
    trace_id text,
    details jsonb NOT NULL
);
CREATE INDEX security_events_newest ON security_events (at DESC, id DESC);
REVOKE UPDATE, DELETE, TRUNCATE ON security_events FROM CURRENT_USER;
"""


def upgrade() -> None:
    """Add to keys and accounts; create the tables for API keys and security events."""
    for statements in (KEYS, ACCOUNTS, API_KEYS, SECURITY_EVENTS):
        op.execute(statements)
