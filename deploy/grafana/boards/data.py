"""Does PostgreSQL keep up, and how far behind is what readers see?"""

from deploy.grafana.panels import Dashboard, Panel, Query, Row
from deploy.grafana.promql import buckets, highest, latency, per_second, quantile, total

_QUERY = "aiops_db_query_seconds"
_PROCESS = ("job", "instance", "pool")
_USED = total("aiops_db_pool_connections", *_PROCESS, where='state="used"')
_SIZE = total("aiops_db_pool_size", *_PROCESS)

_POOLS = (
    Panel(
        "Pool in use",
        "The fullest pool of each service. At 1 everything that needs a connection waits for one.",
        "poolexhausted",
        (Query(f"max by (job, pool) ({_USED} / {_SIZE})", "{{job}} {{pool}}"),),
        unit="percentunit",
        warn=0.8,
        bad=1,
    ),
    Panel(
        "Connections",
        "used and idle, of all processes of a service. Their sum must stay below PostgreSQL's max_connections.",
        "poolexhausted",
        (Query(total("aiops_db_pool_connections", "job", "pool", "state"), "{{job}} {{pool}} {{state}}"),),
        stacked=True,
    ),
    Panel(
        "Wait for a connection, p95",
        "Above a few milliseconds the pool is too small, or statements take too long.",
        "poolexhausted",
        (Query(quantile(0.95, "aiops_db_pool_wait_seconds", "job", "pool"), "{{job}} {{pool}}"),),
        unit="s",
        warn=0.1,
        bad=0.5,
    ),
)

_QUERIES = (
    Panel(
        "Statements",
        "By kind. Many more than operations and messages: something asks row by row.",
        "postgresql-is-away",
        (Query(per_second(f"{_QUERY}_count", "operation"), "{{operation}}"),),
        unit="ops",
        stacked=True,
    ),
    Panel(
        "Time of a statement, p95",
        "By kind. Writes alone are slow: the disk of PostgreSQL. All are: its processor, or locks.",
        "postgresql-is-away",
        (Query(quantile(0.95, _QUERY, "operation"), "{{operation}}"),),
        unit="s",
        warn=0.1,
        bad=1,
    ),
    Panel(
        "How the times of statements are spread",
        "A band of its own far above the others: statements that wait for a lock.",
        "postgresql-is-away",
        (buckets(_QUERY),),
        kind="heatmap",
    ),
)

_LAG = (
    Panel(
        "Projection lag",
        "From an event's own time until readers see it. Above a second: gateway.events waits, or an outbox does.",
        "projectionlags",
        latency("aiops_projection_lag_seconds"),
        unit="s",
        warn=5,
        bad=30,
    ),
    Panel(
        "Projection lag of each event, p95",
        "One type alone: the service that publishes it is behind.",
        "projectionlags",
        (Query(quantile(0.95, "aiops_projection_lag_seconds", "message_type"), "{{message_type}}"),),
        unit="s",
        warn=5,
        bad=30,
    ),
    Panel(
        "Outbox: rows that are not sent",
        "Committed and not confirmed by the broker yet. It is the broker that is away, not the database.",
        "outboxstuck",
        (Query(highest("aiops_outbox_pending", "job"), "{{job}}"),),
        board="aiops-messaging",
    ),
    Panel(
        "Outbox: age of the oldest row",
        "So far behind is what the other services know.",
        "outboxstuck",
        (Query(highest("aiops_outbox_oldest_seconds", "job"), "{{job}}"),),
        unit="s",
        warn=10,
        bad=60,
        board="aiops-messaging",
    ),
)

_PENDING = (
    Panel(
        "Jobs that are pending",
        "Rows of the read model that have no result yet. Never falling: results do not come back.",
        "jobstuck",
        (Query(highest("aiops_pending_jobs", "kind"), "{{kind}}"),),
    ),
    Panel(
        "Age of the oldest pending job",
        "Rising in step with time: that job is lost or waits. The runbook lists where it can be, in order.",
        "jobstuck",
        (Query(highest("aiops_pending_oldest_seconds", "kind"), "{{kind}}"),),
        unit="s",
        warn=300,
        bad=3600,
    ),
)

BOARD = Dashboard(
    "aiops-data",
    "AI Ops Assistant: data",
    "Does PostgreSQL keep up, and how far behind is what readers see?",
    (
        Row("Connections", _POOLS),
        Row("Statements", _QUERIES),
        Row("How far behind", _LAG),
        Row("What is not finished", _PENDING),
    ),
)
