"""Prometheus metrics of auth. None tells whether there is an account: refusals are counted by the answer given."""

from typing import Final

from prometheus_client import Counter, Gauge

from aiops_common.metrics import OTHER

OVERLOADED: Final = "overloaded"
"""The outcome of a log-in that was turned away because too many passwords wait to be hashed."""

FAILED: Final = "error"
"""The outcome of a log-in that nobody decided, e.g. because the database is away."""

_OUTCOMES: Final = {
    "OK": "ok",
    "BAD_CREDENTIALS": "bad_credentials",
    "ACCOUNT_LOCKED": "locked",
    "INVALID_INPUT": "invalid_input",
    "KEY_UNKNOWN": "key_unknown",
    OVERLOADED: OVERLOADED,
    FAILED: FAILED,
}

SIGN_INS: Final = Counter("aiops_sign_ins_total", "Log-ins with a password, by outcome", ["outcome"])
for _outcome in (*_OUTCOMES.values(), OTHER):
    SIGN_INS.labels(_outcome)  # at 0 from the start: the first of its kind is a rise only where there was a 0 before

PASSWORD_HASHES_WAITING: Final = Gauge(
    "aiops_password_hashes_waiting", "Log-ins and sign-ups that wait for their turn to hash a password"
)
REFRESH_REUSES: Final = Counter(
    "aiops_refresh_reuses_total", "Refresh tokens that came a second time, which ended their sessions"
)


def count_sign_in(outcome: str) -> None:
    """Count a log-in by the outcome that was answered, OVERLOADED or FAILED."""
    SIGN_INS.labels(_OUTCOMES.get(outcome, OTHER)).inc()
