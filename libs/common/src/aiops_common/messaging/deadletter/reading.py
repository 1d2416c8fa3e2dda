"""What can be believed of a message that lies in a dead queue: how it died, on whose behalf, where it belongs.

Three kinds lie there. A **consumer's** letter was written by one of our own users, and its headers say everything. The
**broker's** (delivery limit, rejected, expired) has an x-death header, and beside it whatever the publisher wrote. A
**stray** was never routed to a consumer: it still has the partner's exchange. What a stranger wrote into headers is
never believed, because a replay is published by a user that consumers trust.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID, uuid5

from aio_pika.abc import AbstractIncomingMessage
from opentelemetry import trace

from aiops_common.messaging.deadletter.letter import DeadLetter
from aiops_common.messaging.message import PARTNER, trace_context
from aiops_common.messaging.names import (
    ATTEMPT_HEADER,
    COMMANDS_EXCHANGE,
    DEAD_AT_HEADER,
    DEAD_ID_HEADER,
    ERROR_CLASS_HEADER,
    ERROR_HEADER,
    EVENTS_EXCHANGE,
    INGRESS_PREFIX,
    PRINCIPAL_HEADER,
    QUEUE_HEADER,
    REASON_HEADER,
    TRACE_ID_HEADER,
    TYPE_HEADER,
)

_NAMESPACE = UUID("5f0c5f5e-6a53-5d0e-9f0c-2c4b6c1a7d11")
UNKNOWN_TIME = datetime.fromtimestamp(0, UTC)
UNROUTED_REASON = "unrouted"


@dataclass(frozen=True, slots=True)
class Reading:
    """A letter without its body, and what a replay needs besides.

    ``home`` is the queue to which it returns, None where it was never consumed. ``letter.principal`` holds only if
    ``unless_partner`` is no partner's user: then it is that partner, whatever the header says.
    """

    letter: DeadLetter
    home: str | None
    unless_partner: str | None = None


def read(raw: AbstractIncomingMessage, queue: str) -> Reading:
    """Read a message that lies in ``queue``; odd or missing headers give plain values, never an error."""
    if (raw.exchange or "").startswith(INGRESS_PREFIX):
        return _stray(raw, queue)
    death = _last_death(raw.headers)
    return _consumers(raw, queue) if death is None else _brokers(raw, queue, death)


def _consumers(raw: AbstractIncomingMessage, queue: str) -> Reading:
    headers = _Headers(raw.headers)
    error = ": ".join(part for part in (headers.text(ERROR_CLASS_HEADER), headers.text(ERROR_HEADER)) if part)
    dead_at = _from_milliseconds(headers.integer(DEAD_AT_HEADER))
    letter = DeadLetter(
        id=_uuid(headers.text(DEAD_ID_HEADER)) or _derived_id(raw, queue, dead_at),
        queue=queue,
        message_type=headers.text(TYPE_HEADER) or raw.type or raw.routing_key or "",
        message_id=raw.message_id,
        reason=headers.text(REASON_HEADER) or "unknown",
        error=error or None,
        attempts=headers.integer(ATTEMPT_HEADER) or 0,
        dead_at=dead_at,
        trace_id=headers.text(TRACE_ID_HEADER) or _trace_id(raw),
        principal=headers.text(PRINCIPAL_HEADER),
        body="",
    )
    return Reading(letter, headers.text(QUEUE_HEADER))


def _brokers(raw: AbstractIncomingMessage, queue: str, death: "_Death") -> Reading:
    principal: str | None = None
    unless_partner: str | None = None
    failed = 0
    if death.exchange.startswith(INGRESS_PREFIX):
        principal = PARTNER + death.exchange.removeprefix(INGRESS_PREFIX)
    elif raw.user_id:  # RabbitMQ verifies it against the publisher's connection
        headers = _Headers(raw.headers)
        principal = headers.text(PRINCIPAL_HEADER) or f"service:{raw.user_id}"
        unless_partner = raw.user_id
        failed = headers.integer(ATTEMPT_HEADER) or 0
    letter = DeadLetter(
        id=_derived_id(raw, death.queue, death.time),
        queue=queue,
        message_type=_published_as(raw, death),
        message_id=raw.message_id,
        reason=death.reason,
        error=None,
        attempts=failed + 1,
        dead_at=death.time,
        trace_id=_trace_id(raw),
        principal=principal,
        body="",
    )
    return Reading(letter, death.queue, unless_partner)


def _stray(raw: AbstractIncomingMessage, queue: str) -> Reading:
    # No time of the broker's own is in it; the publisher's is shown where there is one, and decides nothing.
    dead_at = raw.timestamp.astimezone(UTC) if isinstance(raw.timestamp, datetime) else UNKNOWN_TIME
    letter = DeadLetter(
        id=_derived_id(raw, queue, dead_at),
        queue=queue,
        message_type=raw.routing_key or "",
        message_id=raw.message_id,
        reason=UNROUTED_REASON,
        error=None,
        attempts=0,
        dead_at=dead_at,
        trace_id=_trace_id(raw),
        principal=PARTNER + (raw.exchange or "").removeprefix(INGRESS_PREFIX),
        body="",
    )
    return Reading(letter, None)


@dataclass(frozen=True, slots=True)
class _Death:
    """The newest entry of x-death: https://www.rabbitmq.com/docs/dlx#effects"""

    queue: str
    reason: str
    exchange: str
    routing_key: str
    time: datetime


def _last_death(headers: Mapping[str, Any]) -> _Death | None:
    entries = headers.get("x-death")
    if not isinstance(entries, list) or not entries or not isinstance(entries[0], dict):
        return None
    entry = _Headers(entries[0])
    keys = entry.values.get("routing-keys")
    first_key = keys[0] if isinstance(keys, list) and keys else None
    time = entry.values.get("time")
    return _Death(
        queue=entry.text("queue") or "",
        reason=entry.text("reason") or "unknown",
        exchange=entry.text("exchange") or "",
        routing_key=first_key if isinstance(first_key, str) else "",
        time=time.astimezone(UTC) if isinstance(time, datetime) else UNKNOWN_TIME,
    )


def _published_as(raw: AbstractIncomingMessage, death: _Death) -> str:
    # A copy that came back from the retry ladder died under the key of its queue; the property keeps the type.
    straight = death.exchange in (COMMANDS_EXCHANGE, EVENTS_EXCHANGE) or death.exchange.startswith(INGRESS_PREFIX)
    return (death.routing_key if straight else raw.type) or death.routing_key


def _derived_id(raw: AbstractIncomingMessage, queue: str, time: datetime) -> UUID:
    digest = blake2b(raw.body, digest_size=16).hexdigest()
    return uuid5(_NAMESPACE, "\0".join((queue, raw.message_id or "", time.isoformat(), digest)))


def _trace_id(raw: AbstractIncomingMessage) -> str | None:
    context = trace.get_current_span(trace_context(raw.headers)).get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def _from_milliseconds(value: int | None) -> datetime:
    try:
        return UNKNOWN_TIME if value is None else datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return UNKNOWN_TIME


def _uuid(value: str | None) -> UUID | None:
    try:
        return UUID(value) if value else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Headers:
    """Values by name, where they are of the wanted type."""

    values: Mapping[str, Any] = field(repr=False)

    def text(self, name: str) -> str | None:
        """The value if it is text and not empty."""
        value = self.values.get(name)
        return value if isinstance(value, str) and value else None

    def integer(self, name: str) -> int | None:
        """The value if it is a number that is not negative."""
        value = self.values.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
