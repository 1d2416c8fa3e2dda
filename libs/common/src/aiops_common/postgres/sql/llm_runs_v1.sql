-- Each question to a language model, written with the effect that it was asked for.
CREATE TABLE llm_runs (
    id uuid PRIMARY KEY,
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
    subject uuid NOT NULL,
    trace_id text,
    at timestamptz NOT NULL
);

-- Retention deletes the oldest.
CREATE INDEX llm_runs_oldest ON llm_runs (at);
CREATE INDEX llm_runs_subject ON llm_runs (subject);
