-- The tables behind aiops_common.messaging. Every service has them in its own schema: its first migration executes
-- this text. It has been applied, so it is never edited; a change is a messaging_v2.sql with the statements that alter.

-- Messages on their way to the broker, written in the transaction of the effect they tell of.
CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    exchange text NOT NULL,
    routing_key text NOT NULL,
    body bytea NOT NULL,
    headers jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    claimed_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    sent_at timestamptz
) WITH (
    -- Each row is updated twice soon after it is written: room for that in its own page, and dead versions are
    -- collected by their number, not by their share of a table that holds a week of sent rows.
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.0,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_analyze_scale_factor = 0.0,
    autovacuum_analyze_threshold = 10000
);

-- What is not sent yet, in the order of writing; stays small however many sent rows are kept.
CREATE INDEX outbox_unsent ON outbox (seq) WHERE sent_at IS NULL;

-- For retention.
CREATE INDEX outbox_sent_at ON outbox (sent_at) WHERE sent_at IS NOT NULL;

-- Messages that have had their effect.
CREATE TABLE inbox (
    message_id uuid PRIMARY KEY,
    message_type text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
) WITH (
    -- Rows are only added, and deleted in bulk when they are old.
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05
);

-- For retention.
CREATE INDEX inbox_received_at ON inbox (received_at);
