"""Does work flow, where does it wait, and what does not get through?"""

from deploy.grafana.panels import Dashboard, Panel, Query, Row
from deploy.grafana.promql import happening, highest, latency, per_second, quantile, share

_PROCESSED = "aiops_messages_processed_total"
_QUEUE = "aiops_queue_messages"
_ASKED = "aiops_requests_asked_total"
_ANSWERED = "aiops_requests_answered_total"

_RED = (
    Panel(
        "Messages done",
        "By type. None of a type whose queue grows: its consumer is down.",
        "nobodyconsumes",
        (Query(happening(per_second(_PROCESSED, "message_type", where='outcome="done"')), "{{message_type}}"),),
        unit="ops",
        stacked=True,
    ),
    Panel(
        "Share that is not done at once",
        "retried, deferred, dead or stuck. All types at once: the database or the broker. One: its service.",
        "manyretries",
        (Query(share(_PROCESSED, "message_type", of='outcome!="done"'), "{{message_type}}"),),
        unit="percentunit",
        warn=0.05,
        bad=0.25,
    ),
    Panel(
        "Time to process, p95",
        "From taken to done, with the language model if there is one. A point leads to a trace.",
        "workwaits",
        (Query(quantile(0.95, "aiops_message_process_seconds", "message_type"), "{{message_type}}"),),
        unit="s",
    ),
)

_WAITING = (
    Panel(
        "Wait before the first look",
        "From written to first taken. Above a few seconds: more comes in than is done, or an outbox waits.",
        "workwaits",
        latency("aiops_message_wait_seconds"),
        unit="s",
        warn=30,
        bad=300,
    ),
    Panel(
        "Messages in the services' own queues",
        "Ready to be taken. A line that only rises has no consumer, or too few of them.",
        "queuegrows",
        (Query(highest(_QUEUE, "queue", where='queue!~".+[.](dead|retry[.].+)"'), "{{queue}}"),),
        bad=1000,
    ),
    Panel(
        "Messages that wait for a retry, or for an operator",
        "retry queues empty by themselves. What is in a dead queue stays until somebody replays or discards it.",
        "deadletters",
        (Query(highest(_QUEUE, "queue", where='queue=~".+[.](dead|retry[.].+)"'), "{{queue}}"),),
        stacked=True,
    ),
)

_FAILING = (
    Panel(
        "Outcomes other than done",
        "stuck: the broker takes no copy, so the delivery waits at its consumer.",
        "manyretries",
        (
            Query(
                happening(per_second(_PROCESSED, "queue", "outcome", where='outcome!="done"')), "{{queue}} {{outcome}}"
            ),
        ),
        unit="ops",
    ),
    Panel(
        "Retries by rung",
        "The longer the rung, the more often it failed before. Nothing but the longest: the cause is not going away.",
        "manyretries",
        (Query(per_second("aiops_message_retries_total", "queue", "rung"), "{{queue}} {{rung}}"),),
        unit="ops",
    ),
    Panel(
        "Dead letters by reason",
        "The table of reasons in the runbook says for each whose mistake it is, and whether a replay can help.",
        "deadletters",
        (Query(per_second("aiops_dead_letters_total", "queue", "reason"), "{{queue}} {{reason}}"),),
        unit="ops",
    ),
)

_SENDING = (
    Panel(
        "Outbox: rows that are not sent",
        "Committed, not confirmed by the broker yet. Rising: it is away, blocks publishers, or a queue is full.",
        "outboxstuck",
        (Query(highest("aiops_outbox_pending", "job"), "{{job}}"),),
    ),
    Panel(
        "Outbox: age of the oldest row",
        "Above the lease of ten seconds it is not one relay that ended, it is the broker.",
        "outboxstuck",
        (Query(highest("aiops_outbox_oldest_seconds", "job"), "{{job}}"),),
        unit="s",
        warn=10,
        bad=60,
    ),
    Panel(
        "Publishes by outcome",
        "unroutable: no queue is bound for that type, so look for drift. unavailable: no confirm in time.",
        "a-queue-was-lost-or-a-consumer-dropped-what-it-should-not-have",
        (Query(per_second("aiops_messages_published_total", "outcome"), "{{outcome}}"),),
        unit="ops",
    ),
    Panel(
        "Time to a confirm, p95",
        "How long the broker takes to keep a message. Rising: its disk is slow, or it has an alarm.",
        "outboxstuck",
        (Query(quantile(0.95, "aiops_publish_seconds", "job"), "{{job}}"),),
        unit="s",
        warn=0.25,
        bad=1,
    ),
)

_REQUESTS = (
    Panel(
        "Requests without an answer",
        "By type. Whoever asked got UNAVAILABLE: the answering service is down, or slower than the deadline.",
        "requestsunanswered",
        (Query(per_second(_ASKED, "message_type", where='outcome="no_reply"'), "{{message_type}}"),),
        unit="ops",
    ),
    Panel(
        "Answers by outcome",
        "fault: the answering service failed. refused: whoever asked may not, or the request breaks its schema.",
        "requestsunanswered",
        (Query(happening(per_second(_ANSWERED, "message_type", "outcome")), "{{message_type}} {{outcome}}"),),
        unit="ops",
    ),
    Panel(
        "Time to a reply, p95",
        "asked: as the asker sees it. answered: the work alone. Far apart: the request waited in the queue.",
        "requestsunanswered",
        (
            Query(quantile(0.95, "aiops_request_seconds", "message_type"), "asked {{message_type}}"),
            Query(quantile(0.95, "aiops_request_answer_seconds", "message_type"), "answered {{message_type}}"),
        ),
        unit="s",
        warn=1,
        bad=5,
    ),
)

BOARD = Dashboard(
    "aiops-messaging",
    "AI Ops Assistant: messaging",
    "Does work flow, where does it wait, and what does not get through?",
    (
        Row("Rate, errors, duration of each type of message", _RED),
        Row("What waits", _WAITING),
        Row("What does not get through", _FAILING),
        Row("Sending", _SENDING),
        Row("Requests that somebody waits for", _REQUESTS),
    ),
)
