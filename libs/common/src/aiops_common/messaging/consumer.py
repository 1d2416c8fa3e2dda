"""What happens to a message from its delivery to its acknowledgement.

sanitise headers → decode → handler → ack. A handler that fails is tried again on the retry ladder; a message that no
retry can help goes to the dead queue; while PostgreSQL is away nothing is spent, the delivery just waits.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aio_pika.abc import AbstractIncomingMessage
from opentelemetry import trace

from aiops_common.logging import get_logger
from aiops_common.messaging.message import PARTNER, Delivery, Poison, decode_data, decode_envelope, trace_context
from aiops_common.messaging.names import (
    ATTEMPT_HEADER,
    DEAD_EXCHANGE,
    INGRESS_PREFIX,
    PRINCIPAL_HEADER,
    RETRY_EXCHANGE,
    dead_queue,
    retry_queue,
)
from aiops_common.messaging.publisher import Publisher
from aiops_common.messaging.retry import RetryPolicy, jittered_seconds
from aiops_common.postgres import DatabaseUnavailable
from aiops_common.redaction import redact
from aiops_contracts.base import JobFailure, Message

_log = get_logger(__name__)
_tracer = trace.get_tracer(__name__)

DATABASE_PAUSE_SECONDS = 1.0
BROKER_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Handler:
    """What to do with one type of message, and what to tell when it had to be given up."""

    kind: type[Message]
    handle: Callable[[Delivery[Any]], Awaitable[None]]
    give_up: Callable[[Delivery[Any], JobFailure], Awaitable[None]] | None = None


class Consumer:
    """Processes the deliveries of ``queue``, one of ``owner``'s."""

    def __init__(
        self,
        *,
        owner: str,
        queue: str,
        handlers: Mapping[str, Handler],
        publisher: Publisher,
        trusted_users: frozenset[str],
        policy: RetryPolicy,
    ) -> None:
        self._owner = owner
        self._queue = queue
        self._handlers = handlers
        self._publisher = publisher
        self._trusted_users = trusted_users
        self._policy = policy

    async def process(self, raw: AbstractIncomingMessage) -> None:
        """Handle one delivery to its end: acknowledged, or given back to the broker."""
        with _tracer.start_as_current_span(
            f"process {raw.routing_key}",
            context=trace_context(raw.headers),
            kind=trace.SpanKind.CONSUMER,
            attributes={
                "messaging.system": "rabbitmq",
                "messaging.operation.name": "process",
                "messaging.operation.type": "process",
                "messaging.destination.name": self._queue,
                "messaging.message.id": raw.message_id or "",
                "messaging.message.body.size": len(raw.body),
                "aiops.attempt": _attempt(raw),
            },
            record_exception=False,
        ) as span:
            try:
                await self._settle(raw, span)
            except Exception as error:
                # Neither the retry ladder nor the dead queue took it: it stays where it is.
                _log.exception("consumer.stuck", message_id=raw.message_id, error_class=type(error).__name__)
                await asyncio.sleep(BROKER_PAUSE_SECONDS)
                await raw.reject(requeue=True)
            else:
                await raw.ack()

    async def _settle(self, raw: AbstractIncomingMessage, span: trace.Span) -> None:
        delivery: Delivery[Any] | None = None
        handler: Handler | None = None
        try:
            handler, delivery = self._decode(raw)
            await self._through_outages(handler.handle, delivery)
        except Poison as error:
            span.set_status(trace.StatusCode.ERROR, error.reason)
            await self._give_up(raw, handler, delivery, error.reason, error)
        except Exception as error:
            span.set_status(trace.StatusCode.ERROR, type(error).__name__)
            await self._retry(raw, handler, delivery, error)

    def _decode(self, raw: AbstractIncomingMessage) -> tuple[Handler, Delivery[Any]]:
        if raw.content_type not in ("application/json", "application/cloudevents+json"):
            raise Poison("content_type", "the content type must be application/json")
        envelope = decode_envelope(raw.body)
        handler = self._handlers.get(envelope.type)
        if handler is None:
            raise Poison("unsupported_type", f"{self._owner} does not consume this type or version")
        return handler, Delivery(
            id=envelope.id,
            message=decode_data(envelope, handler.kind),
            principal=self._principal(raw),
            attempt=_attempt(raw),
            time=envelope.time,
        )

    def _principal(self, raw: AbstractIncomingMessage) -> str:
        # Only the partner itself can write to its exchange, so that is proof enough of who it is.
        if raw.exchange and raw.exchange.startswith(INGRESS_PREFIX):
            return PARTNER + raw.exchange.removeprefix(INGRESS_PREFIX)
        # RabbitMQ verifies user_id against the connection. Only our own users may speak for somebody else.
        if not raw.user_id:
            raise Poison("no_user_id", "the property user_id is missing; set it to the user of the connection")
        if raw.user_id not in self._trusted_users:
            return PARTNER + raw.user_id
        claimed = raw.headers.get(PRINCIPAL_HEADER)
        return claimed if isinstance(claimed, str) else f"service:{raw.user_id}"

    async def _through_outages(self, call: Callable[..., Awaitable[None]], delivery: Delivery[Any], *more: Any) -> None:
        while True:
            try:
                return await call(delivery, *more)
            except DatabaseUnavailable as error:
                # Not the message's fault: keep it unacknowledged and spend no attempt. The prefetch limit makes this
                # a pause of the whole queue.
                _log.warning("consumer.waiting_for_database", message_id=str(delivery.id), error=str(error))
                await asyncio.sleep(DATABASE_PAUSE_SECONDS)

    async def _retry(
        self,
        raw: AbstractIncomingMessage,
        handler: Handler | None,
        delivery: Delivery[Any] | None,
        error: Exception,
    ) -> None:
        attempt = _attempt(raw)
        rung = self._policy.rung_after(attempt)
        if rung is None:
            await self._give_up(raw, handler, delivery, "attempts_spent", error)
            return
        _log.warning(
            "consumer.retry", message_id=raw.message_id, attempt=attempt, rung=rung, error_class=type(error).__name__
        )
        await self._publisher.republish(
            raw,
            exchange=RETRY_EXCHANGE,
            routing_key=retry_queue(self._owner, rung),
            headers={ATTEMPT_HEADER: attempt, **self._identity(raw)},
            expiration_seconds=jittered_seconds(rung),
        )

    async def _give_up(
        self,
        raw: AbstractIncomingMessage,
        handler: Handler | None,
        delivery: Delivery[Any] | None,
        reason: str,
        error: Exception,
    ) -> None:
        detail = redact(str(error)).text[:1000]
        attempt = _attempt(raw)
        _log.error("consumer.dead", message_id=raw.message_id, reason=reason, error=detail, attempts=attempt)
        if handler is not None and delivery is not None and handler.give_up is not None:
            # Before the dead letter: repeating it does no harm, repeating the dead letter would.
            failure = JobFailure(code=reason, message=detail, attempts=attempt)
            await self._through_outages(handler.give_up, delivery, failure)
        trace_id = trace.get_current_span().get_span_context().trace_id
        await self._publisher.republish(
            raw,
            exchange=DEAD_EXCHANGE,
            routing_key=dead_queue(self._owner),
            headers={
                ATTEMPT_HEADER: attempt,
                "x-aiops-reason": reason,
                "x-aiops-error-class": type(error).__name__,
                "x-aiops-error": detail,
                "x-aiops-trace-id": f"{trace_id:032x}",
                "x-aiops-origin": raw.routing_key or "",
                **self._identity(raw),
            },
        )

    def _identity(self, raw: AbstractIncomingMessage) -> dict[str, str]:
        """Who asked, kept on copies: the copy's own user_id is ours."""
        try:
            return {PRINCIPAL_HEADER: self._principal(raw)}
        except Poison:
            return {}


def _attempt(raw: AbstractIncomingMessage) -> int:
    """Number of this attempt, from 1: the header tells how many have failed before."""
    failed = raw.headers.get(ATTEMPT_HEADER)
    return failed + 1 if isinstance(failed, int) and 0 <= failed < 1000 else 1
