"""Do the processes have what they need, and do they say what they do?"""

from deploy.grafana.panels import Dashboard, Panel, Query, Row
from deploy.grafana.promql import highest, in_range, per_second, quantile, select, share, total

_SPANS = "aiops_spans_exported_total"

_THERE = (
    Panel(
        "Processes that answer",
        "By service, as Prometheus sees it. 0: it is down, or too busy to answer.",
        "servicedown",
        (Query("sum by (job) (up)", "{{job}}"),),
    ),
    Panel(
        "Starts in this time",
        "Each is a deployment, a crash or a memory limit; the log's last lines say which.",
        "servicerestarts",
        (Query(f"sum by (job) (changes({select('process_start_time_seconds')}[$__range]))", "{{job}}"),),
        kind="stat",
        warn=1,
        bad=3,
    ),
    Panel(
        "Versions",
        "Two of one service: a deployment is under way, or it stopped half-way.",
        "upgrading",
        (Query(total("aiops_build_info", "job", "version"), "Processes"),),
        kind="table",
    ),
)

_RESOURCES = (
    Panel(
        "Processor",
        "Processors that are busy. A Python process can use little more than one: near 1 it needs a second replica.",
        "eventloopblocked",
        (Query(f"max by (job) (rate({select('process_cpu_seconds_total')}[$interval]))", "{{job}}"),),
        warn=0.8,
        bad=1,
    ),
    Panel(
        "Memory",
        "Resident, of the largest process of a service. Rising for hours under steady load is a leak.",
        "servicerestarts",
        (Query(highest("process_resident_memory_bytes", "job"), "{{job}}"),),
        unit="bytes",
    ),
    Panel(
        "File descriptors in use",
        "Each client, connection and file takes one. At 1 the process can accept nobody.",
        "subscribers-are-dropped",
        (Query(f"max by (job) ({select('process_open_fds')} / {select('process_max_fds')})", "{{job}}"),),
        unit="percentunit",
        warn=0.8,
        bad=0.95,
    ),
    Panel(
        "Event loop lag, p99",
        "How late the loop is for what it should do now. Everything in that process is late by as much.",
        "eventloopblocked",
        (Query(quantile(0.99, "aiops_event_loop_lag_seconds", "job"), "{{job}}"),),
        unit="s",
        warn=0.1,
        bad=0.25,
    ),
)

_TELLING = (
    Panel(
        "Log records",
        "By level. Errors are defects or outages; search the log for the event that is new.",
        "alerts",
        (Query(per_second("aiops_log_records_total", "level"), "{{level}}"),),
        unit="ops",
        stacked=True,
    ),
    Panel(
        "Warnings and errors in this time",
        "By service. A warning is what the system coped with; an error is for somebody to look at.",
        "alerts",
        (
            Query(in_range("aiops_log_records_total", "job", where='level="warning"'), "Warnings"),
            Query(in_range("aiops_log_records_total", "job", where='level=~"error|critical"'), "Errors"),
        ),
        kind="table",
    ),
    Panel(
        "Spans by outcome",
        "dropped: the queue to the collector was full. failed: it did not take them. Requests do not suffer.",
        "spanslost",
        (Query(per_second(_SPANS, "exporter", "outcome"), "{{exporter}} {{outcome}}"),),
        unit="ops",
    ),
    Panel(
        "Share of spans that are lost",
        "By service. Traces have holes; metrics and logs do not.",
        "spanslost",
        (Query(share(_SPANS, "job", of='outcome!="sent"'), "{{job}}"),),
        unit="percentunit",
        bad=0.01,
    ),
)

BOARD = Dashboard(
    "aiops-processes",
    "AI Ops Assistant: processes",
    "Do the processes have what they need, and do they say what they do?",
    (
        Row("Who is there", _THERE),
        Row("Resources", _RESOURCES),
        Row("Logs and traces", _TELLING),
    ),
)
