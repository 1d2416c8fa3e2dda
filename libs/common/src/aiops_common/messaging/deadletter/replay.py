"""The copy of a dead letter that goes back to the queue from which it was consumed."""

from typing import cast

import aio_pika
from aio_pika.abc import AbstractIncomingMessage, HeadersType
from opentelemetry import trace
from opentelemetry.util.types import AttributeValue

from aiops_common.messaging.deadletter.reading import Reading
from aiops_common.messaging.message import trace_context, traceparent
from aiops_common.messaging.metrics import known_reason
from aiops_common.messaging.names import PRINCIPAL_HEADER, RETRY_EXCHANGE
from aiops_common.messaging.publisher import Publisher
from aiops_common.messaging.tracing import ATTEMPT, DEAD_LETTER_ID, REASON, Place, replay_span


async def send_home(
    publisher: Publisher, raw: AbstractIncomingMessage, reading: Reading, home: str, wire_type: str
) -> None:
    """Publish the copy in a span of its own, which links the trace that the letter came from; wait for the confirm.

    ``wire_type`` is what the span calls the message.

    Raises:
        BrokerUnavailable: not confirmed; it may or may not have arrived.
        Unroutable: no queue is bound for ``home``, or it is full.
    """
    place, letter = Place(RETRY_EXCHANGE, home), reading.letter
    told: dict[str, AttributeValue] = {
        DEAD_LETTER_ID: str(letter.id),
        REASON: known_reason(letter.reason),
        ATTEMPT: letter.attempts,
    }
    with replay_span(raw, wire_type, place, publisher.server, told) as span:
        # Without a tracer the letter stays in the trace that it has.
        context = span.get_span_context()
        before = trace.get_current_span(trace_context(raw.headers)).get_span_context()
        await publisher.send(
            copy_of(raw, reading, context if context.is_valid else before, user=publisher.user),
            exchange=place.exchange,
            routing_key=place.routing_key,
        )


def copy_of(
    raw: AbstractIncomingMessage, reading: Reading, context: trace.SpanContext, *, user: str
) -> aio_pika.Message:
    """The message as it was first sent: body, id, type and content type, never tried, in the trace ``context``.

    No other header is kept. Ours would count attempts and name principals, CC and BCC would route to other queues,
    and a left-over x-death makes RabbitMQ 3.10 silently drop a message that dies again.
    """
    headers: dict[str, str] = {}
    if context.is_valid:
        headers["traceparent"] = traceparent(context)
    principal = reading.letter.principal
    if principal is not None:
        headers[PRINCIPAL_HEADER] = principal
    return aio_pika.Message(
        raw.body,
        headers=cast(HeadersType, headers),
        content_type=raw.content_type,
        content_encoding=raw.content_encoding,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=raw.message_id,
        type=raw.type,
        # Our user vouches for the principal. Where nobody is named there is nothing to vouch for: with our user the
        # consumer would take the message for one of our own.
        user_id=user if principal is not None else None,
    )
