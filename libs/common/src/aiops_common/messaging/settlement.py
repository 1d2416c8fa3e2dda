"""Where a message goes that could not be processed: to a rung of the retry ladder, or to the dead queue.

Each step publishes a copy and returns when the broker has confirmed it; only then may the original be acknowledged.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from opentelemetry import trace

from aiops_common.deferral import Deferred
from aiops_common.logging import get_logger
from aiops_common.messaging.incoming import Incoming, milliseconds_now, published_as
from aiops_common.messaging.message import headers_of, new_message_id
from aiops_common.messaging.metrics import dead, known_reason, retried
from aiops_common.messaging.names import (
    ATTEMPT_HEADER,
    DEAD_AT_HEADER,
    DEAD_EXCHANGE,
    DEAD_ID_HEADER,
    ERROR_CLASS_HEADER,
    ERROR_HEADER,
    QUEUE_HEADER,
    REASON_HEADER,
    RETRY_EXCHANGE,
    TRACE_ID_HEADER,
    TYPE_HEADER,
    dead_queue,
    retry_queue,
)
from aiops_common.messaging.publisher import Publisher
from aiops_common.messaging.retry import RetryPolicy, jittered_seconds, rung_of
from aiops_common.messaging.tracing import REASON, RUNG, Place, copy_span

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeadLetterCopy:
    """A message and the headers of its dead letter: made once, so that a second try to lay it down is the same one."""

    incoming: Incoming
    reason: str
    headers: dict[str, str | int]


class Settlement:
    """The ways out for the messages of ``queue``, one of ``owner``'s.

    Those that publish raise BrokerUnavailable or Unroutable where the copy was not confirmed: the original stays.
    """

    def __init__(self, *, owner: str, queue: str, publisher: Publisher, policy: RetryPolicy) -> None:
        self._owner = owner
        self._queue = queue
        self._publisher = publisher
        self._policy = policy

    async def retry(self, incoming: Incoming, error: Exception) -> str | None:
        """Let it wait for its next attempt; returns instead why it must be given up, if it must."""
        rung = self._policy.rung_after(incoming.attempt)
        if rung is None:
            return "attempts_spent"
        if self._policy.is_spent(incoming.waited_seconds()):
            return "deadline_spent"
        _log.warning(
            "consumer.retry",
            message_id=incoming.message_id,
            attempt=incoming.attempt,
            rung=rung,
            error_class=type(error).__name__,
        )
        headers = incoming.waiting_headers(incoming.attempt, lost=0)
        await self._wait("retry", incoming, rung, type(error).__name__, headers)
        retried(self._queue, incoming, rung)
        return None

    async def defer(self, incoming: Incoming, error: Deferred) -> str | None:
        """Let it wait without spending an attempt; returns instead why it must be given up, if it must."""
        if self._policy.is_spent(incoming.waited_seconds()):
            return "deadline_spent"
        rung = rung_of(error.retry_after)
        _log.info("consumer.deferred", message_id=incoming.message_id, rung=rung, reason=error.reason)
        headers = incoming.waiting_headers(incoming.attempt - 1, incoming.lost)
        await self._wait("defer", incoming, rung, error.reason, headers)
        return None

    def dead_letter(self, incoming: Incoming, reason: str, detail: str, error: Exception) -> DeadLetterCopy:
        """What will lie in the dead queue, with why; ``detail`` is the redacted text of ``error``."""
        trace_id = trace.get_current_span().get_span_context().trace_id
        return DeadLetterCopy(
            incoming,
            reason,
            {
                ATTEMPT_HEADER: incoming.attempt,
                REASON_HEADER: reason,
                ERROR_CLASS_HEADER: type(error).__name__,
                ERROR_HEADER: detail,
                TRACE_ID_HEADER: f"{trace_id:032x}",
                QUEUE_HEADER: self._queue,
                TYPE_HEADER: published_as(incoming.raw),
                DEAD_ID_HEADER: str(new_message_id()),
                DEAD_AT_HEADER: milliseconds_now(),
                **incoming.principal_header(),
            },
        )

    async def lay_down(self, letter: DeadLetterCopy) -> None:
        """Put a dead letter into the dead queue."""
        incoming, place = letter.incoming, Place(DEAD_EXCHANGE, dead_queue(self._owner))
        told = {REASON: known_reason(letter.reason)}
        with copy_span("dead_letter", incoming, place, self._publisher.server, told) as span:
            await self._publisher.republish(
                incoming.raw,
                exchange=place.exchange,
                routing_key=place.routing_key,
                headers={**letter.headers, **headers_of(span)},
            )
        dead(self._queue, incoming, letter.reason)

    async def _wait(
        self, operation: str, incoming: Incoming, rung: str, reason: str, headers: Mapping[str, str | int]
    ) -> None:
        place = Place(RETRY_EXCHANGE, retry_queue(self._owner, rung))
        with copy_span(operation, incoming, place, self._publisher.server, {REASON: reason, RUNG: rung}) as span:
            await self._publisher.republish(
                incoming.raw,
                exchange=place.exchange,
                routing_key=place.routing_key,
                headers={**headers, **headers_of(span)},
                expiration_seconds=jittered_seconds(rung),
            )
