CREATE TABLE IF NOT EXISTS tickets (
    id uuid PRIMARY KEY,
    state text NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    reporter_email text,
    source text NOT NULL,
    triage jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS tickets_newest ON tickets (created_at DESC, id DESC);
