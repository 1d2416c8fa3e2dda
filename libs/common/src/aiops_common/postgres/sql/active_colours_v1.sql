-- Which of two releases beside each other takes work: see aiops_common.colours. Executed by a migration of every
-- service; it has been applied, so it is never edited.
CREATE TABLE active_colours (
    colour text PRIMARY KEY CHECK (colour IN ('blue', 'green')),
    since timestamptz NOT NULL DEFAULT now()
);

-- Who begins, whatever starts first.
INSERT INTO active_colours (colour) VALUES ('blue');
