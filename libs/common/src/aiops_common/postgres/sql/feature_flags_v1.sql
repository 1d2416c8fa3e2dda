-- The last known feature flags: what holds while their owner is away. Executed by a migration of every service that
-- follows them; it has been applied, so it is never edited.
CREATE TABLE feature_flags (
    key text PRIMARY KEY,
    version integer NOT NULL CHECK (version >= 1),
    kind text NOT NULL CHECK (kind IN ('BOOLEAN', 'STRING')),
    value text,
    enabled boolean NOT NULL,
    percentage integer NOT NULL CHECK (percentage BETWEEN 0 AND 100),
    roles jsonb NOT NULL,
    allow jsonb NOT NULL,
    updated_at timestamptz NOT NULL
);
