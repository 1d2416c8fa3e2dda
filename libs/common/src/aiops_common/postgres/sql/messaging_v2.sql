-- What came to the tables behind aiops_common.messaging with the second migration of every service.
-- It has been applied, so it is never edited; a change is a messaging_v3.sql.

-- BLAKE2b (16 bytes) of what the message said: the same id with another content is an error and no duplicate.
-- Absent on rows from before this column.
ALTER TABLE inbox ADD COLUMN digest bytea;

-- Messages that are being worked on and whose work must not be paid for twice.
CREATE TABLE leases (
    message_id uuid PRIMARY KEY,
    holder uuid NOT NULL,
    expires_at timestamptz NOT NULL
);

-- For those that a killed process left behind.
CREATE INDEX leases_expires_at ON leases (expires_at);

-- Messages that were given up after they had an entity: who sent them, because only that one may try again.
CREATE TABLE given_up (
    message_id uuid PRIMARY KEY,
    principal text NOT NULL,
    given_up_at timestamptz NOT NULL DEFAULT now()
);
