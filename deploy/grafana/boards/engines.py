"""Who makes the results, what does the language model add, and what does it cost?"""

from deploy.grafana.panels import Dashboard, Panel, Query, Row
from deploy.grafana.promql import buckets, in_range, latency, per_second, quantile, select, share

_RESULTS = "aiops_results_total"
_CALLS = "aiops_llm_calls_total"
_TOKENS = "aiops_llm_tokens_total"

_ENGINES = (
    Panel(
        "Results by engine",
        "llm: improved by the model. builtin: the engine's own; with a model configured, the model was of no use.",
        "manydegraded",
        (Query(per_second(_RESULTS, "job", "engine"), "{{job}} {{engine}}"),),
        unit="ops",
        stacked=True,
    ),
    Panel(
        "Share that the model improved",
        "0 where no model is configured. A fall to 0 where there is one: it is away.",
        "manydegraded",
        (Query(share(_RESULTS, "job", of='engine="llm"'), "{{job}}"),),
        unit="percentunit",
    ),
    Panel(
        "Share that is degraded",
        "The model was asked and its answer could not be used; the built-in result was kept.",
        "manydegraded",
        (Query(share(_RESULTS, "job", of='degraded="true"'), "{{job}}"),),
        unit="percentunit",
        warn=0.05,
        bad=0.2,
    ),
    Panel(
        "Why results are degraded",
        "Rejected answers: the prompt or the model. Everything else: the server of the model.",
        "manydegraded",
        (Query(per_second("aiops_degraded_total", "reason"), "{{reason}}"),),
        unit="ops",
    ),
)

_TIME = (
    Panel(
        "Time in the engine, p95",
        "Without the model. It grows with the size of the input only; above a second the input is of a new kind.",
        "workwaits",
        (Query(quantile(0.95, "aiops_engine_seconds", "engine"), "{{engine}}"),),
        unit="s",
        warn=1,
        bad=5,
    ),
    Panel(
        "Time of a call to the model",
        "To an answer that fits, or to giving up. A point leads to a trace.",
        "llmaway",
        latency("aiops_llm_call_seconds"),
        unit="s",
        warn=10,
        bad=30,
    ),
    Panel(
        "How the times of calls are spread",
        "A band at the top: calls run into their deadline.",
        "llmaway",
        (buckets("aiops_llm_call_seconds"),),
        kind="heatmap",
    ),
)

_MODEL = (
    Panel(
        "Calls by outcome",
        "answered is good; the others say why there was no answer.",
        "llmaway",
        (Query(per_second(_CALLS, "outcome"), "{{outcome}}"),),
        unit="ops",
        stacked=True,
    ),
    Panel(
        "Share of calls without an answer",
        "By model. A few are the network; from some number on, the breaker opens and nobody asks any more.",
        "llmaway",
        (Query(share(_CALLS, "model", of='outcome!~"answered|cancelled"'), "{{model}}"),),
        unit="percentunit",
        warn=0.05,
        bad=0.2,
    ),
    Panel(
        "Breaker",
        "Open: nobody asks, results are degraded or wait. Half-open: one call tries whether it is back.",
        "llmaway",
        (Query(f"max by (job, model) ({select('aiops_llm_breaker_state')})", "{{job}} {{model}}"),),
        kind="state-timeline",
        warn=1,
        bad=2,
        names={0: "closed", 1: "half-open", 2: "open"},
    ),
    Panel(
        "What feature flags decide",
        "By flag. A switch at off that nobody wants off: see who threw it in the audit log.",
        "feature-flags",
        (Query(per_second("aiops_flag_evaluations_total", "flag", "variant"), "{{flag}} {{variant}}"),),
        unit="ops",
    ),
)

_COST = (
    Panel(
        "Tokens",
        "As the server reports them, by direction: what the model costs. A jump without more results: inputs grew.",
        "the-language-model-is-away",
        (Query(per_second(_TOKENS, "job", "direction"), "{{job}} {{direction}}"),),
        unit="ops",
        stacked=True,
    ),
    Panel(
        "Tokens in this time",
        "By service and model. One service far above the others: its prompts carry more than they need.",
        "the-language-model-is-away",
        (
            Query(in_range(_TOKENS, "job", "model", where='direction="input"'), "Input"),
            Query(in_range(_TOKENS, "job", "model", where='direction="output"'), "Output"),
            Query(in_range(_CALLS, "job", "model"), "Calls"),
        ),
        kind="table",
    ),
    Panel(
        "Redactions by kind",
        "What was replaced before anybody saw it. None while texts come in: redaction is not where it must be.",
        "what-must-add-up",
        (Query(per_second("aiops_redactions_total", "kind"), "{{kind}}"),),
        unit="ops",
        stacked=True,
    ),
)

BOARD = Dashboard(
    "aiops-engines",
    "AI Ops Assistant: engines and language model",
    "Who makes the results, what does the language model add, and what does it cost?",
    (
        Row("Results", _ENGINES),
        Row("Where the time goes", _TIME),
        Row("The language model", _MODEL),
        Row("What it costs, and what it never sees", _COST),
    ),
)
