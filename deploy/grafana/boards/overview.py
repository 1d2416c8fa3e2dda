"""Is it healthy, and if not, where do I look?"""

from deploy.grafana.panels import Dashboard, Panel, Query, Row
from deploy.grafana.promql import highest, latency, per_second, select, share

# What somebody waits for; a subscription lasts as long as its client wants.
_ASKED = 'type=~"query|mutation"'
_OPERATIONS = "aiops_graphql_operations_total"
_RESULTS = "aiops_results_total"
# Of a container that is gone, Prometheus forgets the address too: then there is no `up` that could be 0.
_GONE = "count by (job) (max_over_time(up[1d])) unless on (job) (up == 1)"
_DEAD_LETTERS = highest("aiops_queue_messages", "queue", where='queue=~".+[.]dead"')

_SERVED = (
    Panel(
        "Services that do not answer",
        "Of those that answered in the last day, no process answers now: they are down, or too busy.",
        "servicedown",
        (Query(f"count({_GONE}) or vector(0)", "down"),),
        kind="stat",
        bad=1,
        board="aiops-processes",
    ),
    Panel(
        "Alerts that fire",
        "Each has an entry in the runbook; Prometheus lists them under /alerts.",
        "alerts",
        (Query('count(ALERTS{alertstate="firing"}) or vector(0)', "firing"),),
        kind="stat",
        bad=1,
    ),
    Panel(
        "Operations that fail by our fault",
        "The share of GraphQL operations that ended in an error which the client cannot help.",
        "graphqlfails",
        (Query(share(_OPERATIONS, of='outcome="error"'), "failed"),),
        unit="percentunit",
        kind="stat",
        warn=0.01,
        bad=0.05,
        board="aiops-api",
    ),
    Panel(
        "Time to an answer, p95",
        "One operation in twenty takes longer. Look at the database first, then at the event loop.",
        "graphqlslow",
        (latency("aiops_graphql_operation_seconds", _ASKED)[1],),
        unit="s",
        kind="stat",
        warn=0.5,
        bad=2.5,
        board="aiops-api",
    ),
)

_DONE = (
    Panel(
        "Dead letters that wait for an operator",
        "Messages that no retry can help. Nothing happens to them until somebody replays or discards them.",
        "deadletters",
        (Query(f"sum({_DEAD_LETTERS})", "dead letters"),),
        kind="stat",
        bad=1,
        board="aiops-messaging",
    ),
    Panel(
        "Oldest job that is pending",
        "How long ago the oldest job was accepted that has no result yet. It grows where a service stands still.",
        "jobstuck",
        (Query(f"max({select('aiops_pending_oldest_seconds')})", "oldest"),),
        unit="s",
        kind="stat",
        warn=300,
        bad=3600,
        board="aiops-data",
    ),
    Panel(
        "Results without the language model",
        "The share of results that are the built-in engine's because the model failed. 0 where no model is configured.",
        "manydegraded",
        (Query(share(_RESULTS, of='degraded="true"'), "degraded"),),
        unit="percentunit",
        kind="stat",
        warn=0.05,
        bad=0.2,
        board="aiops-engines",
    ),
    Panel(
        "Breaker of the language model",
        "Open: the model failed so often that nobody asks it. Half-open: one call tries whether it is back.",
        "llmaway",
        (Query(f"max({select('aiops_llm_breaker_state')})", "breaker"),),
        kind="stat",
        warn=1,
        bad=2,
        names={0: "closed", 1: "half-open", 2: "open"},
        board="aiops-engines",
    ),
)

_CLIENTS = (
    Panel(
        "Operations",
        "By how it ended. refused: a limit or a right; user_error: told as data; cancelled: the client did not wait.",
        "graphqlfails",
        (Query(per_second(_OPERATIONS, "outcome"), "{{outcome}}"),),
        unit="ops",
        stacked=True,
        board="aiops-api",
    ),
    Panel(
        "Errors by code",
        "INTERNAL and UNAVAILABLE are ours, the others the clients'. LIMIT_EXCEEDED for everybody is a wrong limit.",
        "graphqlfails",
        (Query(per_second("aiops_graphql_errors_total", "code"), "{{code}}"),),
        unit="ops",
        board="aiops-api",
    ),
    Panel(
        "Time to an answer",
        "Queries and mutations. A point leads to the trace of one operation that took so long.",
        "graphqlslow",
        latency("aiops_graphql_operation_seconds", _ASKED),
        unit="s",
        warn=0.5,
        bad=2.5,
        board="aiops-api",
    ),
)

_WAITING = (
    Panel(
        "Work that waits in queues",
        "Commands, events and requests that nobody has taken yet. Growing: its consumer is down or too slow.",
        "queuegrows",
        (Query(highest("aiops_queue_messages", "queue", where='queue!~".+[.](dead|retry[.].+)"'), "{{queue}}"),),
        board="aiops-messaging",
    ),
    Panel(
        "Age of what waits",
        "The oldest row of each outbox, and the oldest pending job of each kind. Growing: something stands still.",
        "jobstuck",
        (
            Query(highest("aiops_outbox_oldest_seconds", "job"), "outbox of {{job}}"),
            Query(highest("aiops_pending_oldest_seconds", "kind"), "pending {{kind}}"),
        ),
        unit="s",
        warn=60,
        bad=3600,
        board="aiops-data",
    ),
)

_COMES_OUT = (
    Panel(
        "Messages by outcome",
        "retried and deferred come again by themselves; dead needs an operator; stuck waits for the broker.",
        "manyretries",
        (Query(per_second("aiops_messages_processed_total", "outcome"), "{{outcome}}"),),
        unit="ops",
        stacked=True,
        board="aiops-messaging",
    ),
    Panel(
        "Results by engine",
        "llm: improved by the model. builtin with a model configured: the model was of no use.",
        "manydegraded",
        (Query(per_second(_RESULTS, "engine"), "{{engine}}"),),
        unit="ops",
        stacked=True,
        board="aiops-engines",
    ),
    Panel(
        "Jobs that are pending",
        "Accepted and without a result yet, by kind. Falling to nothing after a burst is as it should be.",
        "jobstuck",
        (Query(highest("aiops_pending_jobs", "kind"), "{{kind}}"),),
        board="aiops-data",
    ),
)

BOARD = Dashboard(
    "aiops-overview",
    "AI Ops Assistant: overview",
    "Is it healthy, and if not, where do I look?",
    (
        Row("Are clients served?", _SERVED, height=4),
        Row("Is work done?", _DONE, height=4),
        Row("What clients get", _CLIENTS),
        Row("What waits", _WAITING),
        Row("What comes out", _COMES_OUT),
    ),
)
