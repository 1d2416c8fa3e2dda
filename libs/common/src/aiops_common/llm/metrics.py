"""Prometheus metrics of the language model and of what became of results; ``provider`` is the host that is asked."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from aiops_common.metrics import OTHER
from aiops_contracts.base import Engine

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
RESULTS = Counter("aiops_results_total", "Results by what made them in the end", ["engine", "degraded"])
DEGRADED = Counter("aiops_degraded_total", "Results that a model should have improved and did not", ["reason"])

ANSWERED: Final = "answered"
CANCELLED: Final = "cancelled"
ANSWER_REJECTED: Final = "answer rejected"
INTERNAL_ERROR: Final = "internal error"
PARTLY_USED: Final = "partly used"
SWITCHED_OFF: Final = "switched off"
_REFUSED = "request refused"
REASONS: Final = frozenset(
    (
        *("circuit open", "busy", "timeout", "no connection", "rate limited", "server error", "refused"),
        *("answer cut off", "invalid answer", "prompt too large", "not authorized"),
        *(_REFUSED, ANSWER_REJECTED, INTERNAL_ERROR, PARTLY_USED, SWITCHED_OFF),
    )
)
"""Why there was no answer of a model to use, in the words of ``ModelUnavailable``, or not all of one."""

_WITH_DETAIL: Final = (_REFUSED, ANSWER_REJECTED, INTERNAL_ERROR, PARTLY_USED)


def begin_results() -> None:
    """Show every kind of result as 0 from the start: a rate does not see what a series begins with."""
    for made_by in Engine:
        for degraded in ("true", "false"):
            RESULTS.labels(made_by.value.lower(), degraded)


def begin_calls(provider: str, model: str) -> None:
    """Show every outcome of calls to ``model`` as 0 from the start, for the same reason."""
    for outcome in (ANSWERED, CANCELLED, *REASONS):
        CALLS.labels(provider, model, outcome)


def reason_label(reason: str) -> str:
    """The reason as a label: one of ``REASONS``, without what may follow it, or ``other``."""
    beginning = reason.partition(", ")[0]
    if beginning in REASONS:
        return beginning
    return next((known for known in _WITH_DETAIL if reason.startswith(known)), OTHER)
