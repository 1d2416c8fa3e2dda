"""Accounts, sessions and signing keys."""

from alembic import op

from aiops_common.postgres.migrate import messaging_tables_v1

revision = "auth_0001"
down_revision = None
branch_labels = ("expand",)
depends_on = None

# lower() in the index guards against a second spelling of an address; the service stores addresses in lower case.
ACCOUNTS = """
CREATE TABLE accounts (
    id uuid PRIMARY KEY,
    version integer NOT NULL CHECK (version >= 1),
    email text NOT NULL CHECK (char_length(email) BETWEEN 3 AND 320),
    display_name text NOT NULL CHECK (char_length(display_name) BETWEEN 1 AND 100),
    role text NOT NULL CHECK (role IN ('ADMIN', 'OPS', 'HR', 'VIEWER')),
    password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL CHECK (updated_at >= created_at)
);
CREATE UNIQUE INDEX accounts_email ON accounts (lower(email));
CREATE INDEX accounts_admins ON accounts (id) WHERE role = 'ADMIN';
"""

# A family is a row of its own so that one lock orders everything that happens to it: rotation, reuse, revocation.
# refresh_tokens_live: whatever the code does, a token never has two children.
REFRESH_TOKENS = """
CREATE TABLE refresh_families (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX refresh_families_account ON refresh_families (account_id, expires_at);

CREATE TABLE refresh_tokens (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    family_id uuid NOT NULL REFERENCES refresh_families (id) ON DELETE CASCADE,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    spent_at timestamptz
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id, expires_at);
CREATE UNIQUE INDEX refresh_tokens_live ON refresh_tokens (family_id) WHERE spent_at IS NULL;
"""

# Addresses that have no account are counted too, so only a hash of them is kept; of an address alone, or of an address
# and the network that failures came from.
LOGIN_FAILURES = """
CREATE TABLE login_failures (
    email_digest bytea PRIMARY KEY CHECK (octet_length(email_digest) = 32),
    failures integer NOT NULL CHECK (failures >= 1),
    last_failed_at timestamptz NOT NULL,
    locked_until timestamptz
);
CREATE INDEX login_failures_last ON login_failures (last_failed_at);
"""

SIGNING_KEYS = """
CREATE TABLE signing_keys (
    kid text PRIMARY KEY CHECK (char_length(kid) BETWEEN 1 AND 100),
    jwk jsonb NOT NULL CHECK (NOT jwk ? 'd'),
    sealed_private_key bytea NOT NULL,
    created_at timestamptz NOT NULL
);
"""


def upgrade() -> None:
    """Create the first tables, with the outbox and inbox of auth."""
    for statements in (messaging_tables_v1(), ACCOUNTS, REFRESH_TOKENS, LOGIN_FAILURES, SIGNING_KEYS):
        op.execute(statements)
