"""What happens to a message from its delivery to its acknowledgement.

sanitise headers → decode → handler → ack. A handler that fails is tried again on the retry ladder; one that defers its
work too, but without spending an attempt; a message that no retry can help goes to the dead queue. While PostgreSQL is
away, or the broker takes no copy, the delivery waits where it is.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import aio_pika
import orjson
from aio_pika.abc import AbstractIncomingMessage
from opentelemetry import trace

from aiops_common.deferral import Deferred
from aiops_common.logging import get_logger
from aiops_common.messaging.connection import BrokerUnavailable
from aiops_common.messaging.incoming import Incoming
from aiops_common.messaging.message import PARTNER, Delivery, Poison, decode_data, decode_envelope
from aiops_common.messaging.metrics import ConsumerMetrics, known_reason
from aiops_common.messaging.publisher import Publisher, Unroutable
from aiops_common.messaging.retry import RetryPolicy
from aiops_common.messaging.settlement import Settlement
from aiops_common.messaging.tracing import failed, process_span
from aiops_common.postgres import DatabaseUnavailable
from aiops_common.redaction import redact
from aiops_contracts.base import Envelope, Event, JobFailure, Message

_log = get_logger(__name__)

DATABASE_PAUSE_SECONDS = 1.0
BROKER_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 5.0

HOLD_SECONDS = 20 * 60.0
"""How long a delivery waits unacknowledged, in all its steps together. Each return counts towards the delivery limit,
and RabbitMQ closes the channel of a consumer that takes 30 minutes
(https://www.rabbitmq.com/docs/consumers#acknowledgement-timeout)."""

SHOWN_ERROR_LENGTH = 1000

LOST_DELIVERIES = 3
"""After how many deliveries that ended with their consumer an attempt counts as failed. Well below the delivery limit
of the queue: the broker's way to the dead queue tells nobody why, and takes along the neighbours that a crashing
consumer had in hand each time. On the retry ladder they part."""


class DeliveryLost(Exception):
    """The consumer ended again and again while it had the message."""


@dataclass(frozen=True, slots=True)
class Handler:
    """What to do with one type of message, and what to tell when it had to be given up."""

    kind: type[Message]
    handle: Callable[[Delivery[Any]], Awaitable[None]]
    give_up: Callable[[Delivery[Any], JobFailure], Awaitable[None]] | None = None


@dataclass(slots=True)
class _Progress:
    """How far the decoding of a message came, for those who have to give it up."""

    handler: Handler | None = None
    delivery: Delivery[Any] | None = None


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
        self._trusted_users = trusted_users
        self._server = publisher.server
        self._metrics = ConsumerMetrics(queue, handlers)
        self._settlement = Settlement(owner=owner, queue=queue, publisher=publisher, policy=policy)

    async def process(self, raw: AbstractIncomingMessage) -> None:
        """Handle one delivery to its end: acknowledged, or given back to the broker."""
        incoming = Incoming.of(raw, self._trusted_users, self._handlers)
        with process_span(incoming, self._queue, self._server) as span:
            try:
                outcome = await self._settle(incoming, span)
            except Exception as error:
                # Neither the retry ladder nor the dead queue took it, or the database stayed away: it stays here.
                failed(span, type(error).__name__)
                _log.exception("consumer.stuck", message_id=incoming.message_id, error_class=type(error).__name__)
                outcome = "stuck"
            self._metrics.processed(incoming, outcome)
            if outcome == "stuck":
                await asyncio.sleep(BROKER_PAUSE_SECONDS)
            # Where the delivery ended with its connection, it comes again and, unless it is stuck, is found done.
            if _is_ours(raw):
                await (raw.reject(requeue=True) if outcome == "stuck" else raw.ack())

    async def _settle(self, incoming: Incoming, span: trace.Span) -> str:
        """Do what there is to do before the delivery is acknowledged; returns how it ended."""
        progress = _Progress()
        try:
            if incoming.lost >= LOST_DELIVERIES:
                return await self._settle_lost(incoming, progress)
            self._decode(incoming, progress)
            if progress.handler is not None and progress.delivery is not None:
                await self._through_outages(incoming, progress.handler.handle, progress.delivery)
        except DatabaseUnavailable:
            raise
        except Poison as error:
            return await self._give_up(incoming, progress, error.reason, error)
        except Deferred as error:
            spent = await self._through_outages(incoming, self._settlement.defer, incoming, error)
            return await self._give_up(incoming, progress, spent, error) if spent else "deferred"
        except Exception as error:
            failed(span, type(error).__name__)
            spent = await self._through_outages(incoming, self._settlement.retry, incoming, error)
            return await self._give_up(incoming, progress, spent, error) if spent else "retried"
        return "done"

    async def _settle_lost(self, incoming: Incoming, progress: _Progress) -> str:
        """Count the attempt as failed, before anything is done with what may be the end of its consumers."""
        incoming.named_principal()  # the copy's user is ours: without a name on it, the copy would pass for our own
        error = DeliveryLost(f"its consumer ended {incoming.lost} times while it had the message")
        failed(trace.get_current_span(), DeliveryLost.__name__)
        if spent := await self._through_outages(incoming, self._settlement.retry, incoming, error):
            self._decode(incoming, progress)
            return await self._give_up(incoming, progress, spent, error)
        return "retried"

    def _decode(self, incoming: Incoming, progress: _Progress) -> None:
        raw = incoming.raw
        if raw.content_type not in ("application/json", "application/cloudevents+json"):
            raise Poison("content_type", "the content type must be application/json")
        envelope = decode_envelope(raw.body)
        handler = self._handlers.get(envelope.type)
        if handler is None:
            raise Poison("unsupported_type", f"{self._owner} does not consume this type or version")
        principal = _sender(incoming, envelope, handler)
        self._metrics.waited(incoming, envelope.time)
        progress.handler = handler
        progress.delivery = Delivery(
            id=envelope.id,
            message=decode_data(envelope, handler.kind),
            principal=principal,
            attempt=incoming.attempt,
            time=envelope.time,
            digest=_digest(envelope),
            role=incoming.role,
        )

    async def _through_outages(self, incoming: Incoming, call: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        """``await call(*arguments)``, again and again while PostgreSQL or the broker is away: that is not the
        message's fault. The prefetch limit makes it a pause of the whole queue."""
        pause = 0.0
        while True:
            try:
                return await call(*arguments)
            except (DatabaseUnavailable, BrokerUnavailable, Unroutable) as error:
                first = DATABASE_PAUSE_SECONDS if isinstance(error, DatabaseUnavailable) else BROKER_PAUSE_SECONDS
                is_news, pause = not pause, min(max(2 * pause, first), LONGEST_PAUSE_SECONDS)
                # What the broker will deliver again must not be settled here a second time.
                if time.monotonic() - incoming.arrived + pause > HOLD_SECONDS or not _is_ours(incoming.raw):
                    raise
                if isinstance(error, Unroutable) and is_news:
                    _log.warning("consumer.blocked", message_id=incoming.message_id, error=str(error))
                else:  # who lost the connection says so
                    _log.debug("consumer.waiting", message_id=incoming.message_id, error=str(error))
                await asyncio.sleep(pause)

    async def _give_up(self, incoming: Incoming, progress: _Progress, reason: str, error: Exception) -> str:
        detail = redact(str(error)).text[:SHOWN_ERROR_LENGTH]
        # Everybody reads it: in words of ours only. A library's exception may quote the text that broke it.
        ours = isinstance(error, Poison | Deferred | DeliveryLost)
        told = detail if ours else f"{type(error).__name__}; its dead letter says more"
        failed(trace.get_current_span(), known_reason(reason))
        _log.error(
            "consumer.dead",
            message_id=incoming.message_id,
            reason=reason,
            error=told,
            attempts=incoming.attempt,
        )
        if progress.handler is not None and progress.delivery is not None and progress.handler.give_up is not None:
            # Before the dead letter: repeating it does no harm, repeating the dead letter would.
            failure = JobFailure(code=reason, message=told, attempts=incoming.attempt)
            await self._through_outages(incoming, progress.handler.give_up, progress.delivery, failure)
        letter = self._settlement.dead_letter(incoming, reason, detail, error)
        await self._through_outages(incoming, self._settlement.lay_down, letter)
        return "dead"


def _sender(incoming: Incoming, envelope: Envelope, handler: Handler) -> str:
    """Who sent it. An event is its owner's word: raises Poison where somebody else, who may publish events too, gave
    it."""
    principal, owner = incoming.named_principal(), envelope.type.partition(".")[0]
    if issubclass(handler.kind, Event) and principal not in (f"{PARTNER}{owner}", f"service:{owner}"):
        raise Poison("not_the_owner", f"only {owner} publishes this type")
    return principal


def _is_ours(raw: AbstractIncomingMessage) -> bool:
    """Whether the delivery still is this process's: it ends with its channel."""
    try:
        return not raw.channel.is_closed
    except aio_pika.exceptions.ChannelInvalidStateError:
        return False


def _digest(envelope: Envelope) -> bytes:
    """What the message says, whoever wrapped it and when: tells a repetition from another message of the same id.

    Raises Poison where it is nested too deeply.
    """
    try:
        said = orjson.dumps([envelope.type, envelope.data], option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        # orjson reads 1,024 levels and writes 254, and what is in unknown fields no schema has looked at.
        raise Poison("too_deep", "the data is nested too deeply; at most 250 levels are taken") from None
    return blake2b(said, digest_size=16).digest()
