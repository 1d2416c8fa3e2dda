"""Prometheus metrics of the language model; ``provider`` is the host that is asked."""

from prometheus_client import Counter, Gauge, Histogram

CALLS = Counter(
    "aiops_llm_calls_total", "Answers asked of a language model, by outcome", ["provider", "model", "outcome"]
)
TOKENS = Counter("aiops_llm_tokens_total", "Tokens as reported by the server", ["provider", "model", "direction"])
DURATION = Histogram(
    "aiops_llm_call_seconds",
    "Time to a validated answer or to giving up",
    ["provider", "model"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
BREAKER_STATE = Gauge("aiops_llm_breaker_state", "0 closed, 1 half-open, 2 open", ["provider", "model"])
