"""The read model, accepted work, accounts and keys of the gateway."""

from alembic import op

from aiops_common.postgres.migrate import messaging_tables_v1

revision = "gateway_0001"
down_revision = None
branch_labels = ("expand",)
depends_on = None

_ENTITY_COLUMNS = """
    id uuid PRIMARY KEY,
    version integer NOT NULL CHECK (version >= 0),
    created_at timestamptz NOT NULL,
    document jsonb NOT NULL,
    large text,
    state text NOT NULL GENERATED ALWAYS AS (document ->> 'state') STORED,
"""


READ_MODEL = f"""
CREATE TABLE log_entries ({_ENTITY_COLUMNS}
    source text NOT NULL GENERATED ALWAYS AS (document ->> 'source') STORED,
    severity text GENERATED ALWAYS AS (document -> 'summary' ->> 'severity') STORED,
    headline text GENERATED ALWAYS AS (document -> 'summary' ->> 'headline') STORED
);
CREATE TABLE tickets ({_ENTITY_COLUMNS}
    status text NOT NULL GENERATED ALWAYS AS (document ->> 'status') STORED,
    title text NOT NULL GENERATED ALWAYS AS (document ->> 'title') STORED,
    body text NOT NULL GENERATED ALWAYS AS (document ->> 'body') STORED,
    category text GENERATED ALWAYS AS (document -> 'triage' ->> 'category') STORED,
    severity text GENERATED ALWAYS AS (document -> 'triage' ->> 'severity') STORED,
    priority text GENERATED ALWAYS AS (document -> 'triage' ->> 'priority') STORED,
    needs_review boolean GENERATED ALWAYS AS ((document -> 'triage' ->> 'needs_review')::boolean) STORED
);
CREATE TABLE changelogs ({_ENTITY_COLUMNS}
    project text NOT NULL GENERATED ALWAYS AS (document ->> 'project') STORED
);
CREATE INDEX log_entries_newest ON log_entries (created_at DESC, id DESC);
CREATE INDEX tickets_newest ON tickets (created_at DESC, id DESC);
CREATE INDEX changelogs_newest ON changelogs (created_at DESC, id DESC);
"""

PLUMBING = """
CREATE TABLE idempotency_keys (
    message_id uuid PRIMARY KEY,
    digest bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE users (
    id uuid PRIMARY KEY,
    version integer NOT NULL,
    email text NOT NULL,
    display_name text NOT NULL,
    role text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX users_newest ON users (created_at DESC, id DESC);
CREATE TABLE signing_keys (
    kid text PRIMARY KEY,
    jwk jsonb NOT NULL,
    created_at timestamptz NOT NULL
);
"""


def upgrade() -> None:
    """Create the first tables."""
    op.execute(messaging_tables_v1())
    op.execute(READ_MODEL)
    op.execute(PLUMBING)
