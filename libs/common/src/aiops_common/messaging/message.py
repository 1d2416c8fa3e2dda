"""Messages as they leave and as they arrive, and the JSON between the two."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson
from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from pydantic import ValidationError
from uuid6 import uuid7

from aiops_common.messaging.names import PRINCIPAL_HEADER, ROLE_HEADER
from aiops_contracts.base import Envelope, Message

M = TypeVar("M", bound=Message)

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""Largest body that is decoded; the broker's own limit is above it."""

_propagator = TraceContextTextMapPropagator()


PARTNER = "partner:"
"""Before the name of an outside publisher in ``Delivery.principal``."""


class Poison(Exception):
    """A message that no retry can help; it goes to the dead queue at the first attempt.

    ``reason`` is a short stable code; the text never quotes the message's content.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message ready to be sent: ``body`` is the envelope as JSON, ``headers`` carry trace context and principal."""

    id: UUID
    exchange: str
    routing_key: str
    body: bytes = field(repr=False)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery(Generic[M]):
    """A decoded message as a handler gets it.

    ``principal`` is who asked: a user for whom one of our own spoke, ``partner:<name>`` for an outside publisher.
    ``attempt`` is 1 for the first delivery. ``digest`` tells messages of the same id apart by what they say; empty
    where nobody compares. ``role`` is what the user was then, None where that is unknown; it gives no right.
    """

    id: UUID
    message: M = field(repr=False)
    principal: str
    attempt: int
    time: datetime
    digest: bytes = field(default=b"", repr=False)
    role: str | None = None

    @property
    def is_from_outside(self) -> bool:
        """Whether an outside publisher sent it, whose word counts for nothing but its own requests."""
        return self.principal.startswith(PARTNER)


def new_message_id() -> UUID:
    """A UUIDv7: unique, and ordered by time so that indexes stay compact."""
    return UUID(bytes=uuid7().bytes)


def outgoing(
    message: Message,
    *,
    exchange: str,
    source: str,
    subject: str | None = None,
    message_id: UUID | None = None,
    principal: str | None = None,
    role: str | None = None,
    trace_headers: Mapping[str, str] | None = None,
    time: datetime | None = None,
) -> Outgoing:
    """Wrap ``message`` into its envelope, with the trace context in the headers.

    Args:
        exchange: where it will be published, with the wire type as routing key.
        source: the publishing process, e.g. ``aiops/NAME`` (CloudEvents ``source``).
        subject: the id of the entity it is about (CloudEvents ``subject``).
        message_id: decides what counts as the same message; a new UUIDv7 where none is given.
        principal: on whose behalf; see ``Delivery.principal``.
        role: that one's role; see ``Delivery.role``.
        trace_headers: the trace it belongs to, as ``current_trace_headers`` gave it; by default the current one.
        time: when it happened (CloudEvents ``time``); by default now.
    """
    identity = message_id or new_message_id()
    headers = dict(current_trace_headers() if trace_headers is None else trace_headers)
    if principal is not None:
        headers[PRINCIPAL_HEADER] = principal
    if role is not None:
        headers[ROLE_HEADER] = role
    return Outgoing(
        id=identity,
        exchange=exchange,
        routing_key=message.message_type,
        body=encode(message, message_id=identity, source=source, subject=subject, time=time or datetime.now(UTC)),
        headers=headers,
    )


def traceparent(context: SpanContext) -> str:
    """The header that puts a message into a trace: https://www.w3.org/TR/trace-context/#traceparent-header"""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def headers_of(span: Span) -> dict[str, str]:
    """The headers that put a message below ``span``; none where there is no trace."""
    context = span.get_span_context()
    return {"traceparent": traceparent(context)} if context.is_valid else {}


def written_trace(headers: Mapping[str, str]) -> Context:
    """The trace context in headers of ``headers_of``: a span of this service, for which the sampler has decided."""
    parent = headers.get("traceparent")
    if parent is None:
        return Context()
    _, trace_id, span_id, flags = parent.split("-")
    context = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=TraceFlags(int(flags, 16)))
    return set_span_in_context(NonRecordingSpan(context), Context())


def current_trace_headers() -> dict[str, str]:
    """The current trace context as headers, to be kept for a message that is made later in another task."""
    return headers_of(get_current_span())


def encode(message: Message, *, message_id: UUID, source: str, subject: str | None, time: datetime) -> bytes:
    """The CloudEvents envelope around ``message``, in structured JSON mode."""
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(message_id),
        "source": source,
        "type": message.message_type,
        "time": time,
        "datacontenttype": "application/json",
        "data": orjson.Fragment(message.model_dump_json().encode()),
    }
    if subject is not None:
        attributes["subject"] = subject
    return orjson.dumps(attributes)


def decode_envelope(body: bytes) -> Envelope:
    """Parse strictly: no NaN, no infinite number, no lone surrogate, no nesting beyond 1,024 levels.

    Raises:
        Poison: too large, not JSON, or not an envelope.
    """
    if len(body) > MAX_MESSAGE_BYTES:
        raise Poison("too_large", f"the body has {len(body)} bytes; the limit is {MAX_MESSAGE_BYTES}")
    try:
        return Envelope.model_validate(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise Poison("not_json", f"the body is not valid JSON: {error.msg}") from None
    except ValidationError as error:
        raise Poison("bad_envelope", _describe(error)) from None


def decode_data(envelope: Envelope, kind: type[M]) -> M:
    """The payload of ``envelope`` as ``kind``.

    Raises:
        Poison: the payload breaks the schema; the text names fields and rules, never values.
    """
    try:
        return kind.model_validate(envelope.data)
    except ValidationError as error:
        raise Poison("bad_payload", _describe(error)) from None


def _describe(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    shown = "; ".join(f"{'.'.join(map(str, p['loc'])) or '(whole)'}: {p['msg']}" for p in problems[:5])
    return shown if len(problems) <= 5 else f"{shown}; and {len(problems) - 5} more"


def trace_context(headers: Mapping[str, object]) -> Context:
    """The trace context in ``headers``; what cannot be read is ignored, so a new trace begins.

    Its tracestate is left: anything may stand in it, and nobody here reads it.
    """
    parent = headers.get("traceparent")
    return _propagator.extract({"traceparent": parent} if isinstance(parent, str) else {}, context=Context())
