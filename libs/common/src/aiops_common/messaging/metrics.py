"""What is counted and timed about messages. Every label is of a closed set; see ``aiops_common.metrics``."""

import time
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from aiops_common.messaging.incoming import Incoming
from aiops_common.messaging.names import RETRY_RUNGS
from aiops_common.metrics import LONG_SECONDS, OTHER, SECONDS, observe
from aiops_contracts.base import registered_messages

REASONS: Final = (
    *("content_type", "too_large", "not_json", "too_deep", "bad_envelope", "bad_payload", "unsupported_type"),
    *("no_user_id", "not_the_owner", "id_reused", "id_taken", "attempts_spent", "deadline_spent"),
)
"""Why consumers give messages up; whatever else a handler may name counts as ``other``."""

_BROKERS_REASONS = ("delivery_limit", "rejected", "expired", "maxlen", "unrouted")
"""The broker's own, https://www.rabbitmq.com/docs/dlx#effects; the last is of what was never consumed."""

_KNOWN_REASONS = frozenset((*REASONS, *_BROKERS_REASONS))
_OUTCOMES = ("done", "retried", "deferred", "dead", "stuck")

PROCESSED = Counter(
    "aiops_messages_processed_total",
    "Deliveries by how they ended; one that is stuck goes back to its queue.",
    ("queue", "message_type", "outcome"),
)
PROCESS_SECONDS = Histogram(
    "aiops_message_process_seconds",
    "From taking a delivery to settling it, waiting for PostgreSQL or the broker included.",
    ("queue", "message_type"),
    buckets=SECONDS,
)
WAIT_SECONDS = Histogram(
    "aiops_message_wait_seconds",
    "From when one of our services wrote a message to when it was first taken from the queue; not for copies, "
    "replays and partners' messages. After a resend: the age of what was sent again.",
    ("queue", "message_type"),
    buckets=LONG_SECONDS,
)
RETRIES = Counter(
    "aiops_message_retries_total", "Failed attempts that wait for the next.", ("queue", "message_type", "rung")
)
DEAD_LETTERS = Counter("aiops_dead_letters_total", "Messages that were given up.", ("queue", "message_type", "reason"))
PUBLISHED = Counter(
    "aiops_messages_published_total",
    "Attempts to publish; one that is unavailable may have arrived.",
    ("message_type", "outcome"),
)
PUBLISH_SECONDS = Histogram(
    "aiops_publish_seconds", "From sending a message to its confirm or failure.", ("message_type",), buckets=SECONDS
)
REQUESTS_ASKED = Counter("aiops_requests_asked_total", "Requests that were sent.", ("message_type", "outcome"))
REQUEST_SECONDS = Histogram(
    "aiops_request_seconds", "From sending a request to its answer or failure.", ("message_type",), buckets=SECONDS
)
REQUESTS_ANSWERED = Counter(
    "aiops_requests_answered_total", "Requests that were received.", ("message_type", "outcome")
)
ANSWER_SECONDS = Histogram(
    "aiops_request_answer_seconds", "From taking a request to its answer.", ("message_type",), buckets=SECONDS
)
QUEUE_MESSAGES = Gauge(
    "aiops_queue_messages",
    "Messages that wait in a queue, without those in consumers' hands; NaN while the broker does not tell.",
    ("queue",),
)
OUTBOX_PENDING = Gauge(
    "aiops_outbox_pending",
    "Messages in the outbox that are not confirmed, counted up to a bound; NaN while PostgreSQL does not tell.",
)
OUTBOX_OLDEST_SECONDS = Gauge(
    "aiops_outbox_oldest_seconds",
    "Age of the message that comes next in the outbox, 0 where there is none; after a resend, of what is "
    "sent again. NaN while PostgreSQL does not tell.",
)


def known_reason(reason: str) -> str:
    """``reason`` as a label."""
    return reason if reason in _KNOWN_REASONS else OTHER


class KnownTypes:
    """The types of messages that this process has classes for, or was told of: what it publishes and may replay."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def add(self, message_types: Iterable[str]) -> None:
        """These are known too."""
        self._seen.update(message_types)

    def label(self, message_type: str) -> str:
        """``message_type`` if it is known, else ``other``."""
        if message_type in self._seen:
            return message_type
        # Not at import: contracts may be imported after this.
        if message_type not in registered_messages():
            return OTHER
        self._seen.add(message_type)
        return message_type


known_types: Final = KnownTypes()


def retried(queue: str, incoming: Incoming, rung: str) -> None:
    """A message of ``queue`` waits on ``rung`` for its next attempt."""
    RETRIES.labels(queue, incoming.message_type, rung).inc()


def dead(queue: str, incoming: Incoming, reason: str) -> None:
    """A message of ``queue`` lies in the dead queue."""
    DEAD_LETTERS.labels(queue, incoming.message_type, known_reason(reason)).inc()


@cache
def _published_series(wire_type: str) -> tuple[dict[str, Counter], Histogram]:
    outcomes = {one: PUBLISHED.labels(wire_type, one) for one in ("confirmed", "unroutable", "unavailable")}
    return outcomes, PUBLISH_SECONDS.labels(wire_type)


def published(wire_type: str, outcome: str, seconds: float) -> None:
    """A message was published, or was not; ``wire_type`` is a label."""
    outcomes, duration = _published_series(wire_type)
    outcomes[outcome].inc()
    observe(duration, seconds)


@cache
def _asked_series(wire_type: str) -> tuple[dict[str, Counter], Histogram]:
    outcomes = {one: REQUESTS_ASKED.labels(wire_type, one) for one in ("answered", "no_reply")}
    return outcomes, REQUEST_SECONDS.labels(wire_type)


def asked(wire_type: str, outcome: str, seconds: float) -> None:
    """A request was answered, or was not; ``wire_type`` is a label."""
    outcomes, duration = _asked_series(wire_type)
    outcomes[outcome].inc()
    observe(duration, seconds)


class ResponderMetrics:
    """The metrics of an owner's requests, with a series for each type from the start."""

    def __init__(self, types: Collection[str]) -> None:
        labels = (*types, OTHER)
        self._answered = {
            (one, outcome): REQUESTS_ANSWERED.labels(one, outcome)
            for one in labels
            for outcome in ("answered", "fault", "refused")
        }
        self._seconds = {one: ANSWER_SECONDS.labels(one) for one in labels}

    def answered(self, wire_type: str, outcome: str, seconds: float) -> None:
        """A request was dealt with; ``wire_type`` is one of the types or ``other``."""
        self._answered[wire_type, outcome].inc()
        observe(self._seconds[wire_type], seconds)


class ConsumerMetrics:
    """The metrics of one queue, with a series for each type from the start, so that the first event is a rise."""

    def __init__(self, queue: str, types: Collection[str]) -> None:
        labels = (*types, OTHER)
        self._processed = {
            (one, outcome): PROCESSED.labels(queue, one, outcome) for one in labels for outcome in _OUTCOMES
        }
        self._process_seconds = {one: PROCESS_SECONDS.labels(queue, one) for one in labels}
        self._wait_seconds = {one: WAIT_SECONDS.labels(queue, one) for one in labels}
        for one in labels:
            for reason in (*REASONS, OTHER):
                DEAD_LETTERS.labels(queue, one, reason)
            for rung in RETRY_RUNGS:
                RETRIES.labels(queue, one, rung)

    def waited(self, incoming: Incoming, written: datetime) -> None:
        """The message of an envelope of that time was taken."""
        if incoming.is_first and not incoming.is_from_outside:
            # Clocks differ: nothing waits for less than no time.
            observe(self._wait_seconds[incoming.message_type], max(0.0, (datetime.now(UTC) - written).total_seconds()))

    def processed(self, incoming: Incoming, outcome: str) -> None:
        """The delivery ended with ``outcome``."""
        self._processed[incoming.message_type, outcome].inc()
        observe(self._process_seconds[incoming.message_type], time.monotonic() - incoming.arrived)
