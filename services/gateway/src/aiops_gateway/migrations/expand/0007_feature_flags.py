"""Feature flags: what they are. The other services keep copies."""

from alembic import op

revision = "gateway_0007"
down_revision = "gateway_0006"
branch_labels = None
depends_on = None

# ``value`` is what a STRING says where it is on, ``roles`` and ``allow`` are lists of texts, ``updated_by`` is a
# principal.
FEATURE_FLAGS = """
CREATE TABLE feature_flags (
    key text PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    version integer NOT NULL CHECK (version >= 1),
    kind text NOT NULL CHECK (kind IN ('BOOLEAN', 'STRING')),
    value text,
    description text NOT NULL,
    enabled boolean NOT NULL,
    percentage integer NOT NULL CHECK (percentage BETWEEN 0 AND 100),
    roles jsonb NOT NULL,
    allow jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    updated_by text,
    CHECK ((kind = 'STRING') = (value IS NOT NULL))
);
CREATE UNIQUE INDEX feature_flags_newest ON feature_flags (created_at DESC, id DESC);
"""

# There from the start, so that whoever needs one in a hurry finds it.
KILL_SWITCHES = """
INSERT INTO feature_flags (key, id, version, kind, description, enabled, percentage, roles, allow, created_at,
    updated_at)
SELECT owner || '.llm', gen_random_uuid(), 1, 'BOOLEAN', 'Whether ' || owner || ' asks the language model.', true, 100,
    '[]', '[]', now(), now()
FROM unnest(ARRAY['summarizer', 'triage', 'changelog']) AS owner;
"""


def upgrade() -> None:
    """Create the table with its first flags."""
    op.execute(FEATURE_FLAGS)
    op.execute(KILL_SWITCHES)
