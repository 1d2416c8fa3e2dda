"""Do people get in, and does somebody try who should not?"""

from deploy.grafana.panels import Dashboard, Panel, Query, Row
from deploy.grafana.promql import happening, highest, latency, per_second, quantile, share

_SIGN_INS = "aiops_sign_ins_total"
_ANSWERED = "aiops_requests_answered_total"
_AUTH = 'message_type=~"auth[.].+"'
_DENIED = 'code=~"UNAUTHENTICATED|FORBIDDEN"'

_IN = (
    Panel(
        "Sign-ins by outcome",
        "Many failures from nowhere: somebody guesses passwords. auditLog says from which network.",
        "signinsfail",
        (Query(per_second(_SIGN_INS, "outcome"), "{{outcome}}"),),
        unit="ops",
        stacked=True,
    ),
    Panel(
        "Share of sign-ins that fail",
        "Everybody mistypes a password now and then. More than half for minutes is somebody who guesses.",
        "signinsfail",
        (Query(share(_SIGN_INS, of='outcome!="ok"'), "failed"),),
        unit="percentunit",
        warn=0.25,
        bad=0.5,
    ),
    Panel(
        "Refused for their rate",
        "sign_in_rate: many sign-ins from one address, an attack or an office behind one proxy.",
        "clientsrefused",
        (Query(per_second("aiops_http_refused_total", "reason", where='reason=~".*rate"'), "{{reason}}"),),
        unit="ops",
        bad=1,
    ),
)

_HASHING = (
    Panel(
        "Passwords that wait for their turn",
        "They are hashed a few at a time. A line that stays: an attack, or too few turns; the last are turned away.",
        "passwordhashingfull",
        (Query(highest("aiops_password_hashes_waiting", "job"), "waiting"),),
        warn=16,
        bad=100,
    ),
    Panel(
        "Time to log in or sign up",
        "Hashing takes its time on purpose; far above its usual value, it waits for a turn. A point leads to a trace.",
        "passwordhashingfull",
        latency("aiops_request_answer_seconds", 'message_type=~"auth[.](log_in|sign_up)[.].+"'),
        unit="s",
        warn=1,
        bad=5,
    ),
    Panel(
        "Time of auth's other answers, p95",
        "Refreshing, roles and keys need no hash and never wait for one.",
        "postgresql-is-away",
        (
            Query(
                quantile(
                    0.95,
                    "aiops_request_answer_seconds",
                    "message_type",
                    where=f'{_AUTH}, message_type!~"auth[.](log_in|sign_up)[.].+"',
                ),
                "{{message_type}}",
            ),
        ),
        unit="s",
        warn=0.25,
        bad=1,
    ),
)

_DENIALS = (
    Panel(
        "Not let in, or not allowed",
        "UNAUTHENTICATED for everybody: the gateways do not know the signing key. FORBIDDEN: a role is missing.",
        "keys-are-due-or-may-have-leaked",
        (Query(per_second("aiops_graphql_errors_total", "code", where=_DENIED), "{{code}}"),),
        unit="ops",
    ),
    Panel(
        "Auth's answers",
        "fault: auth failed, or turned somebody away because too many wait.",
        "requestsunanswered",
        (
            Query(
                happening(per_second(_ANSWERED, "message_type", "outcome", where=_AUTH)), "{{message_type}} {{outcome}}"
            ),
        ),
        unit="ops",
        stacked=True,
    ),
    Panel(
        "Requests to auth without an answer",
        "The share of what the gateways asked. Above 0: auth is down, or slower than the deadline.",
        "requestsunanswered",
        (Query(share("aiops_requests_asked_total", of='outcome="no_reply"', among=_AUTH), "without an answer"),),
        unit="percentunit",
        warn=0.01,
        bad=0.05,
    ),
    Panel(
        "Refresh tokens used twice",
        "Each time a session was ended: its token was stolen, or a client repeats itself. auditLog says whose.",
        "who-did-what",
        (Query(per_second("aiops_refresh_reuses_total"), "used twice"),),
        unit="ops",
    ),
)

_LEARNED = (
    Panel(
        "What auth tells the gateways",
        "Accounts, keys and security events. None for long while people sign in: auth's outbox waits.",
        "keys-are-due-or-may-have-leaked",
        (Query(per_second("aiops_messages_published_total", "message_type", where=_AUTH), "{{message_type}}"),),
        unit="ops",
        stacked=True,
    ),
    Panel(
        "How late the gateways know, p95",
        "A role that was taken away, a key that was revoked: it counts from then on.",
        "projectionlags",
        (Query(quantile(0.95, "aiops_projection_lag_seconds", "message_type", where=_AUTH), "{{message_type}}"),),
        unit="s",
        warn=5,
        bad=30,
    ),
)

BOARD = Dashboard(
    "aiops-accounts",
    "AI Ops Assistant: accounts and security",
    "Do people get in, and does somebody try who should not?",
    (
        Row("Who gets in", _IN),
        Row("Where they wait", _HASHING),
        Row("Who does not", _DENIALS),
        Row("What the gateways learn", _LEARNED),
    ),
)
