"""Spans about messages, by the conventions of OpenTelemetry for messaging and for RabbitMQ.

What strangers write (ids, routing keys, types) stands in no span: of types only those that are known here, of ids only
UUIDs. All that is the same for every message of a kind is put together once; the rest only where a span is recorded.

https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
https://opentelemetry.io/docs/specs/semconv/messaging/rabbitmq/
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from typing import Final, NamedTuple

from aio_pika.abc import AbstractIncomingMessage
from opentelemetry import context as current_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind
from opentelemetry.util.types import AttributeValue

from aiops_common.messaging.connection import Server
from aiops_common.messaging.incoming import Incoming, uuid_text
from aiops_common.messaging.message import Outgoing, trace_context, written_trace
from aiops_common.messaging.names import DEFAULT_EXCHANGE
from aiops_common.metrics import OTHER

tracer: trace.Tracer = trace.get_tracer(__name__)

# Not imported from opentelemetry.semconv, which names what is not stable yet only for those who copy it.
SYSTEM: Final = "messaging.system"
OPERATION_NAME: Final = "messaging.operation.name"
OPERATION_TYPE: Final = "messaging.operation.type"
DESTINATION_NAME: Final = "messaging.destination.name"
DESTINATION_TEMPLATE: Final = "messaging.destination.template"
ROUTING_KEY: Final = "messaging.rabbitmq.destination.routing_key"
DELIVERY_TAG: Final = "messaging.rabbitmq.message.delivery_tag"
MESSAGE_ID: Final = "messaging.message.id"
BODY_SIZE: Final = "messaging.message.body.size"
CONVERSATION_ID: Final = "messaging.message.conversation_id"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"

ATTEMPT: Final = "aiops.attempt"
REASON: Final = "aiops.reason"
RUNG: Final = "aiops.retry.rung"
DEAD_LETTER_ID: Final = "aiops.dead_letter.id"

_SEND, _PROCESS = "send", "process"
_OPERATIONS: Final = {
    "publish": (_SEND, SpanKind.PRODUCER),
    "retry": (_SEND, SpanKind.PRODUCER),
    "defer": (_SEND, SpanKind.PRODUCER),
    "dead_letter": (_SEND, SpanKind.PRODUCER),
    "replay": (_SEND, SpanKind.PRODUCER),
    "request": (_SEND, SpanKind.CLIENT),
    "process": (_PROCESS, SpanKind.CONSUMER),
    "answer": (_PROCESS, SpanKind.SERVER),
}
"""Each operation with its type in the conventions and the kind of its spans."""


class Place(NamedTuple):
    """Where a message is sent to, or, with a queue, where it was taken from."""

    exchange: str
    routing_key: str
    queue: str = ""

    @property
    def name(self) -> str:
        """``exchange:routing key:queue`` without what is empty, and without the queue where it is the key."""
        queue = "" if self.queue == self.routing_key else self.queue
        return ":".join(part for part in (self.exchange, self.routing_key, queue) if part)


@lru_cache(maxsize=4096)
def _constant(
    operation: str, wire_type: str, place: Place, server: Server
) -> tuple[str, SpanKind, Mapping[str, AttributeValue]]:
    operation_type, kind = _OPERATIONS[operation]
    attributes: dict[str, AttributeValue] = {
        SYSTEM: "rabbitmq",
        OPERATION_NAME: operation,
        OPERATION_TYPE: operation_type,
        DESTINATION_NAME: place.name,
        DESTINATION_TEMPLATE: wire_type,
        ROUTING_KEY: place.routing_key,
        SERVER_ADDRESS: server.address,
    }
    if server.port is not None:
        attributes[SERVER_PORT] = server.port
    return f"{operation} {wire_type}", kind, attributes


def _start(
    operation: str,
    wire_type: str,
    place: Place,
    server: Server,
    *,
    context: Context | None = None,
    links: Sequence[trace.Link] = (),
) -> Span:
    name, kind, attributes = _constant(operation, wire_type, place, server)
    return tracer.start_span(name, context, kind, attributes, links)


@contextmanager
def _current(span: Span) -> Iterator[Span]:
    """Make ``span`` the current one for a block and end it; what the block raises is the span's error."""
    token = current_context.attach(trace.set_span_in_context(span))
    try:
        yield span
    except BaseException as error:  # also a publisher that was told to wait no longer
        failed(span, type(error).__name__)
        raise
    finally:
        current_context.detach(token)
        span.end()


def failed(span: Span, error_type: str) -> None:
    """Let ``span`` say that its operation failed; ``error_type`` is the class of the error or one of our codes.

    Never the error's text: it may quote what was sent.
    """
    if span.is_recording():
        span.set_attribute(ERROR_TYPE, error_type)
        span.set_status(trace.StatusCode.ERROR, error_type)


def publish_span(message: Outgoing, wire_type: str, server: Server) -> AbstractContextManager[Span]:
    """The publishing of a message of ours, below what wrote it; ``wire_type`` stands for its routing key."""
    place = Place(message.exchange, wire_type)
    span = _start("publish", wire_type, place, server, context=written_trace(message.headers))
    if span.is_recording():
        span.set_attributes({MESSAGE_ID: str(message.id), BODY_SIZE: len(message.body)})
    return _current(span)


def process_span(incoming: Incoming, queue: str, server: Server) -> AbstractContextManager[Span]:
    """One delivery, from being taken to being settled, below whoever published it."""
    raw, wire_type = incoming.raw, incoming.message_type
    # The key of whoever may send more than one type, in CC for example, may be anything.
    key = raw.routing_key if raw.routing_key in (wire_type, queue) else OTHER
    place = Place(raw.exchange or DEFAULT_EXCHANGE, key or OTHER, queue)
    span = _start("process", wire_type, place, server, context=trace_context(raw.headers))
    if span.is_recording():
        span.set_attributes({**_told(raw), ATTEMPT: incoming.attempt})
    return _current(span)


def copy_span(
    operation: str, incoming: Incoming, place: Place, server: Server, told: Mapping[str, AttributeValue]
) -> AbstractContextManager[Span]:
    """The publishing of a copy that is tried again, put off or dead, below the delivery's span."""
    span = _start(operation, incoming.message_type, place, server)
    if span.is_recording():
        span.set_attributes({**_told(incoming.raw), ATTEMPT: incoming.attempt, **told})
    return _current(span)


def replay_span(
    raw: AbstractIncomingMessage, wire_type: str, place: Place, server: Server, told: Mapping[str, AttributeValue]
) -> AbstractContextManager[Span]:
    """The return of a dead letter, in the trace of who replays it, linked to the trace in which it died."""
    before = trace.get_current_span(trace_context(raw.headers)).get_span_context()
    span = _start("replay", wire_type, place, server, links=[trace.Link(before)] if before.is_valid else ())
    if span.is_recording():
        span.set_attributes({**_told(raw), **told})
    return _current(span)


def request_span(request: Outgoing, conversation: str, queue: str, server: Server) -> AbstractContextManager[Span]:
    """A request from being sent to its answer."""
    span = _start("request", request.routing_key, Place(DEFAULT_EXCHANGE, queue), server)
    if span.is_recording():
        span.set_attributes(
            {
                MESSAGE_ID: str(request.id),
                CONVERSATION_ID: conversation,
                BODY_SIZE: len(request.body),
            }
        )
    return _current(span)


def answer_span(
    raw: AbstractIncomingMessage, wire_type: str, queue: str, server: Server
) -> AbstractContextManager[Span]:
    """The answering of a request, below whoever asked."""
    place = Place(DEFAULT_EXCHANGE, queue, queue)
    span = _start("answer", wire_type, place, server, context=trace_context(raw.headers))
    if span.is_recording():
        span.set_attributes(_told(raw))
        if (conversation := uuid_text(raw.correlation_id)) is not None:
            span.set_attribute(CONVERSATION_ID, conversation)
    return _current(span)


def _told(raw: AbstractIncomingMessage) -> dict[str, AttributeValue]:
    """What may be told of any message that was delivered."""
    told: dict[str, AttributeValue] = {
        BODY_SIZE: len(raw.body),
        DELIVERY_TAG: raw.delivery_tag or 0,
    }
    if (message_id := uuid_text(raw.message_id)) is not None:
        told[MESSAGE_ID] = message_id
    return told
