"""What people put right, the models that learn from it, and what finds similar tickets."""

from alembic import op

revision = "triage_0005"
down_revision = "triage_0004"
branch_labels = None
depends_on = None

# category_given: whether a person said what the ticket is about, or only how severe or urgent it is.
# title and body as they were when the correction was made, redacted like those of the ticket.
CORRECTIONS = """
CREATE TABLE triage_corrections (
    ticket_id uuid NOT NULL,
    version integer NOT NULL CHECK (version >= 2),
    before jsonb NOT NULL,
    after jsonb NOT NULL,
    category_given boolean NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    comment text,
    corrected_by uuid NOT NULL,
    corrected_at timestamptz NOT NULL,
    PRIMARY KEY (ticket_id, version)
);
"""

MODELS = r"""
CREATE TABLE triage_models (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version text NOT NULL UNIQUE GENERATED ALWAYS AS ('m' || number\:\:text) STORED,
    trained_at timestamptz NOT NULL,
    examples integer NOT NULL CHECK (examples > 0),
    labels text[] NOT NULL,
    metrics jsonb NOT NULL,
    data bytea NOT NULL
);
"""

# Only ever added to. The last row says what is active, version NULL: the rules alone. To roll back is to add the row
# that returns_to names once more, with its own returns_to, so that the next roll-back goes one further back.
ACTIVATIONS = """
CREATE TABLE triage_activations (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version text REFERENCES triage_models (version),
    activated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    returns_to integer REFERENCES triage_activations (number)
);
"""

# terms is a list of numbers, and there is one row for each of them, so that the newest tickets with a term are read
# without reading all of them. at is when the row was written: senders say what they like about when a ticket was made.
# Rows come in the order of time, so a BRIN index, which takes next to nothing, lets retention find the oldest.
TERMS = """
ALTER TABLE tickets ADD COLUMN terms jsonb;
CREATE TABLE ticket_terms (
    term integer NOT NULL,
    at timestamptz NOT NULL,
    ticket_id uuid NOT NULL,
    PRIMARY KEY (term, at, ticket_id)
);
CREATE INDEX ticket_terms_oldest ON ticket_terms USING brin (at) WITH (autosummarize = on);
"""

# A trigger, because a ticket and its terms belong into one statement, which inserts many tickets at once. It keeps its
# search_path, since whoever inserts by hand has another one than the service.
ADDED = r"""
CREATE FUNCTION add_ticket_terms() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO ticket_terms (term, at, ticket_id)
    SELECT DISTINCT found.term\:\:integer, now(), added.id
    FROM added CROSS JOIN jsonb_array_elements(added.terms) AS found (term);
    RETURN NULL;
END
$$;
CREATE TRIGGER ticket_terms AFTER INSERT ON tickets REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION add_ticket_terms();
"""


def upgrade() -> None:
    """Add tables, a column without default, which rewrites nothing, and the trigger that fills one of the tables."""
    for statements in (CORRECTIONS, MODELS, ACTIVATIONS, TERMS, ADDED):
        op.execute(statements)
