"""Names on the broker: exchanges, queues and headers. The topology file is expanded by the same rules."""

COMMANDS_EXCHANGE = "aiops.commands"
EVENTS_EXCHANGE = "aiops.events"
RETRY_EXCHANGE = "aiops.retry"
DEAD_EXCHANGE = "aiops.dead"
DEFAULT_EXCHANGE = ""

INGRESS_PREFIX = "ingress."
"""Before a partner's name: the only exchange that the partner, and nobody else, may write to."""

PRINCIPAL_HEADER = "x-aiops-principal"
"""On whose behalf a message is sent; believed only when one of our own users published it."""

ROLE_HEADER = "x-aiops-role"
"""The role that the principal had when it asked, for feature flags only: rights are looked up where they count.
Believed where the principal is; a replay of a dead letter does without."""

ATTEMPT_HEADER = "x-aiops-attempt"
"""How many times the message was tried and failed; absent on the first delivery."""

WAITING_SINCE_HEADER = "x-aiops-waiting-since"
"""When the message was first put off, in milliseconds since 1970 (UTC); what its deadline is counted from."""

LOST_HEADER = "x-aiops-lost"
"""How often it was delivered and lost with its consumer since its last failed attempt: kept on the copy of a message
that is put off, because the broker's own count begins anew there."""

REASON_HEADER = "x-aiops-reason"
"""On a dead letter: a short stable code for why it was given up."""

ERROR_CLASS_HEADER = "x-aiops-error-class"
"""On a dead letter: the class of the last error."""

ERROR_HEADER = "x-aiops-error"
"""On a dead letter: the text of the last error, redacted."""

TRACE_ID_HEADER = "x-aiops-trace-id"
"""On a dead letter: the trace in which it was given up, as 32 hexadecimal digits."""

QUEUE_HEADER = "x-aiops-queue"
"""On a dead letter: the queue that it was consumed from, and to which a replay returns it."""

TYPE_HEADER = "x-aiops-type"
"""On a dead letter: the routing key under which it was published, which is its wire type."""

DEAD_ID_HEADER = "x-aiops-dead-id"
"""On a dead letter: its own UUID, because the message's id may be missing or come twice."""

DEAD_AT_HEADER = "x-aiops-dead-at"
"""On a dead letter: when it was given up, in milliseconds since 1970 (UTC)."""

OPERATOR = "operator"
"""The broker user that looks after dead letters; it may return them on behalf of whoever sent them."""

RETRY_RUNGS = {"5s": 5, "30s": 30, "2m": 120, "10m": 600}
"""The rungs of the retry ladder, as they stand in queue names, and how many seconds a message waits on each."""


def work_queue(owner: str) -> str:
    """Where the commands for ``owner`` wait."""
    return f"{owner}.work"


def events_queue(owner: str) -> str:
    """Where the events wait that ``owner`` subscribed to."""
    return f"{owner}.events"


def requests_queue(owner: str) -> str:
    """Where the requests to ``owner`` wait, for as long as somebody waits for the answer."""
    return f"{owner}.requests"


def retry_queue(owner: str, rung: str) -> str:
    """Where messages wait before ``owner`` tries them again."""
    return f"{owner}.retry.{rung}"


def dead_queue(owner: str) -> str:
    """Where messages lie that ``owner`` has given up."""
    return f"{owner}.dead"
