"""What do clients ask for, how fast is it answered, and what do they not get?"""

from deploy.grafana.panels import Dashboard, Panel, Query, Row
from deploy.grafana.promql import PAGE, buckets, happening, in_range, latency, per_second, quantile, share, total

_OPERATIONS = "aiops_graphql_operations_total"
_SECONDS = "aiops_graphql_operation_seconds"
# What somebody waits for; a subscription lasts as long as its client wants.
_ASKED = 'type=~"query|mutation"'

_RED = (
    Panel(
        "Operations",
        "By root field of the schema. None at all: clients do not reach the gateway.",
        "a-client-cannot-get-in",
        (Query(happening(per_second(_OPERATIONS, "operation")), "{{operation}}"),),
        unit="ops",
        stacked=True,
    ),
    Panel(
        "Share that fails by our fault",
        "All of them: the database is away. One alone: a defect, or a service that does not answer.",
        "graphqlfails",
        (Query(share(_OPERATIONS, "operation", of='outcome="error"'), "{{operation}}"),),
        unit="percentunit",
        warn=0.01,
        bad=0.05,
    ),
    Panel(
        "Time to an answer, p95",
        "Of each query and mutation. A point leads to the trace of one that took so long.",
        "graphqlslow",
        (Query(happening(quantile(0.95, _SECONDS, "operation", where=_ASKED)), "{{operation}}"),),
        unit="s",
        warn=0.5,
        bad=2.5,
    ),
)

_TIME = (
    Panel(
        "Time to an answer",
        "All queries and mutations. p99 far above p95: a few wait, for a connection or for a password's turn.",
        "graphqlslow",
        latency(_SECONDS, _ASKED),
        unit="s",
        warn=0.5,
        bad=2.5,
    ),
    Panel(
        "How the times are spread",
        "Two bands instead of one: two kinds of work, or some of it waits. A point leads to a trace.",
        "graphqlslow",
        (buckets(_SECONDS, _ASKED),),
        kind="heatmap",
    ),
    Panel(
        "Each operation in this time",
        "How often, which share failed by our fault or was refused, and how long one in twenty takes at least.",
        "graphqlfails",
        (
            Query(happening(in_range(_OPERATIONS, "operation")), "Times"),
            Query(share(_OPERATIONS, "operation", of='outcome="error"', over=PAGE), "Failed", unit="percentunit"),
            Query(share(_OPERATIONS, "operation", of='outcome="refused"', over=PAGE), "Refused", unit="percentunit"),
            Query(happening(quantile(0.95, _SECONDS, "operation", where=_ASKED)), "p95", unit="s"),
        ),
        kind="table",
    ),
)

_REFUSED = (
    Panel(
        "Operations by outcome",
        "refused: a limit or a right. user_error: told as data. error: ours. cancelled: the client did not wait.",
        "graphqlfails",
        (Query(per_second(_OPERATIONS, "outcome"), "{{outcome}}"),),
        unit="ops",
        stacked=True,
    ),
    Panel(
        "Errors by code",
        "INTERNAL: a defect, its correlation id is in the log. UNAVAILABLE: something that we need is away.",
        "graphqlfails",
        (Query(per_second("aiops_graphql_errors_total", "code"), "{{code}}"),),
        unit="ops",
    ),
    Panel(
        "Refused before GraphQL",
        "By limit. One client above its rate is as it should be; everybody at once is a proxy that nobody named.",
        "clientsrefused",
        (Query(per_second("aiops_http_refused_total", "reason"), "{{reason}}"),),
        unit="ops",
        bad=1,
    ),
)

_SUBSCRIPTIONS = (
    Panel(
        "Open subscriptions",
        "On all gateways. A sudden fall: a gateway ended, or the listening connection to PostgreSQL was lost.",
        "subscribers-are-dropped",
        (Query(total("aiops_graphql_subscriptions", "subscription"), "{{subscription}}"),),
        stacked=True,
    ),
    Panel(
        "Pushes to subscribers",
        "None while results come in and subscriptions are open: notifications do not arrive.",
        "subscribers-are-dropped",
        (Query(per_second("aiops_graphql_pushes_total", "subscription"), "{{subscription}}"),),
        unit="ops",
    ),
)

BOARD = Dashboard(
    "aiops-api",
    "AI Ops Assistant: API",
    "What do clients ask for, how fast is it answered, and what do they not get?",
    (
        Row("Rate, errors, duration of each operation", _RED),
        Row("Where the time goes", _TIME),
        Row("What is not answered", _REFUSED),
        Row("Subscriptions", _SUBSCRIPTIONS),
    ),
)
