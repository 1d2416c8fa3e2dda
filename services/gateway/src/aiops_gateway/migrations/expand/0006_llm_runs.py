"""What language models were asked, and an index for the status of changelogs."""

from alembic import op

revision = "gateway_0006"
down_revision = "gateway_0005"
branch_labels = None
depends_on = None

# ``subject`` is what was worked on, ``subject_kind`` its kind in the read model. The texts are long and are read by
# the id only, so no index holds them.
LLM_RUNS = """
CREATE TABLE IF NOT EXISTS llm_runs (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    operation text NOT NULL,
    step text NOT NULL,
    template text NOT NULL,
    model text,
    outcome text NOT NULL,
    input text NOT NULL,
    output text,
    input_tokens integer,
    output_tokens integer,
    duration_ms integer NOT NULL,
    subject_kind text NOT NULL,
    subject uuid NOT NULL,
    trace_id text
);
CREATE INDEX IF NOT EXISTS llm_runs_newest ON llm_runs (at DESC, id DESC);
CREATE INDEX IF NOT EXISTS llm_runs_operation ON llm_runs (operation, at DESC, id DESC);
CREATE INDEX IF NOT EXISTS llm_runs_template ON llm_runs (template, at DESC, id DESC);
CREATE INDEX IF NOT EXISTS llm_runs_model ON llm_runs (model, at DESC, id DESC);
CREATE INDEX IF NOT EXISTS llm_runs_outcome ON llm_runs (outcome, at DESC, id DESC);
CREATE INDEX IF NOT EXISTS llm_runs_subject ON llm_runs (subject, at DESC, id DESC);
"""

# A generated column would rewrite the table while nobody can read it. Rows from before there was a status are drafts.
CHANGELOG_STATUS = (
    "CREATE INDEX CONCURRENTLY changelogs_status ON changelogs "
    "((coalesce(document ->> 'status', 'DRAFT')), created_at DESC, id DESC)"
)


def upgrade() -> None:
    """Create the table, and the index while changelogs are read and written."""
    # Building an index beside writers ends the transaction before it, so this may have been done in an attempt that
    # ended early; the index of such an attempt is no good.
    op.execute(LLM_RUNS)
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS changelogs_status")
        op.execute(CHANGELOG_STATUS)
