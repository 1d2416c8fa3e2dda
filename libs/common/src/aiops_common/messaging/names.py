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

ATTEMPT_HEADER = "x-aiops-attempt"
"""How many times the message was tried and failed; absent on the first delivery."""

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
