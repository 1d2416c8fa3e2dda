"""Request and reply over the broker, with a deadline: for decisions that somebody waits for.

Requests are never retried and never dead-lettered: who asked has gone by then. Replies come back through RabbitMQ's
direct reply-to (https://www.rabbitmq.com/docs/direct-reply-to), which needs no queue of its own.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import aio_pika
import orjson
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from opentelemetry.trace import Span
from pydantic import BaseModel, ValidationError

from aiops_common.logging import get_logger
from aiops_common.messaging.connection import BrokerConnection, BrokerUnavailable, unavailable_errors
from aiops_common.messaging.incoming import uuid_text
from aiops_common.messaging.message import (
    Delivery,
    Outgoing,
    Poison,
    decode_data,
    decode_envelope,
    headers_of,
    new_message_id,
    outgoing,
)
from aiops_common.messaging.metrics import ResponderMetrics, asked
from aiops_common.messaging.names import DEFAULT_EXCHANGE, PRINCIPAL_HEADER, requests_queue
from aiops_common.messaging.publisher import Publisher, Unroutable
from aiops_common.messaging.tracing import answer_span, failed, request_span
from aiops_common.metrics import OTHER
from aiops_common.postgres import DatabaseUnavailable
from aiops_contracts.base import Request

_log = get_logger(__name__)

REPLY_TO = "amq.rabbitmq.reply-to"

A = TypeVar("A", bound=BaseModel)


class NoReply(Exception):
    """The owner of a request did not answer within the deadline, or its answer was a fault."""


class Requester:
    """Sends requests and matches the replies by correlation id; many may be under way at once."""

    def __init__(self, url: str, *, name: str, deadline_seconds: float = 10.0) -> None:
        self._connection = BrokerConnection(url, name=f"{name}.requests")
        self._source = f"aiops/{name}"
        self._deadline_seconds = deadline_seconds
        self._channel: AbstractChannel | None = None
        self._opening = asyncio.Lock()
        self._waiting: dict[str, asyncio.Future[bytes]] = {}

    async def start(self) -> None:
        """Connects on first use; here to be a component."""

    async def stop(self) -> None:
        """Close the connection; those who still wait get NoReply at their deadline."""
        await self._connection.close()

    async def ask(
        self, owner: str, request: Request, answer: type[A], *, principal: str, message_id: UUID | None = None
    ) -> A:
        """Send ``request`` to ``owner`` and wait for its answer; ``message_id`` makes repeating it harmless.

        Raises:
            NoReply: none came in time, the owner failed, or there is no way to reach it.
        """
        message = outgoing(
            request, exchange=DEFAULT_EXCHANGE, source=self._source, principal=principal, message_id=message_id,
            trace_headers={},
        )  # fmt: skip
        key, queue, started = str(new_message_id()), requests_queue(owner), time.perf_counter()
        with request_span(message, key, queue, self._connection.server) as span:
            message.headers.update(headers_of(span))
            try:
                reply = _read_reply(await self._reply(message, key, queue, owner), answer)
            except NoReply:
                asked(message.routing_key, "no_reply", time.perf_counter() - started)
                raise
            asked(message.routing_key, "answered", time.perf_counter() - started)
            return reply

    async def _reply(self, message: Outgoing, key: str, queue: str, owner: str) -> bytes:
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[key] = future
        try:
            async with unavailable_errors(), asyncio.timeout(self._deadline_seconds):
                await self._send(message, key, queue)
                return await future
        except (BrokerUnavailable, aio_pika.exceptions.DeliveryError) as error:
            raise NoReply(f"{owner} did not answer within {self._deadline_seconds:g} s") from error
        finally:
            self._waiting.pop(key, None)

    async def _send(self, request: Outgoing, key: str, queue: str) -> None:
        channel = await self._opened()
        message = aio_pika.Message(
            request.body,
            headers=dict(request.headers),
            content_type="application/json",
            correlation_id=key,
            message_id=str(request.id),
            type=request.routing_key,
            reply_to=REPLY_TO,
            expiration=self._deadline_seconds,
            user_id=self._connection.user,
        )
        await channel.default_exchange.publish(message, routing_key=queue, mandatory=True)

    async def _opened(self) -> AbstractChannel:
        async with self._opening:
            if self._channel is None or self._channel.is_closed:
                channel = await self._connection.channel(confirms=True)
                replies = await channel.get_queue(REPLY_TO, ensure=False)
                await replies.consume(self._on_reply, no_ack=True)
                self._channel = channel
            return self._channel

    async def _on_reply(self, reply: AbstractIncomingMessage) -> None:
        future = self._waiting.get(reply.correlation_id or "")
        if future is not None and not future.done():
            future.set_result(reply.body)


def _read_reply(body: bytes, answer: type[A]) -> A:
    try:
        document = orjson.loads(body)
        if "fault" in document:
            raise NoReply(str(document["fault"]))
        return answer.model_validate(document["answer"])
    except (orjson.JSONDecodeError, ValidationError, KeyError, TypeError) as error:
        raise NoReply("the answer could not be understood") from error


@dataclass(frozen=True, slots=True)
class RequestHandler:
    """What answers one type of request; ``expected`` are failures that are no defect, such as too much to do at once.

    That PostgreSQL is away need not be named.
    """

    kind: type[Request]
    answer: Callable[[Delivery[Any]], Awaitable[BaseModel]]
    expected: tuple[type[Exception], ...] = ()


class Responder:
    """Answers the requests of one owner; only our own users may ask."""

    def __init__(
        self,
        *,
        owner: str,
        handlers: Mapping[str, RequestHandler],
        publisher: Publisher,
        trusted_users: frozenset[str],
    ) -> None:
        self._owner = owner
        self._handlers = handlers
        self._publisher = publisher
        self._trusted_users = trusted_users
        self._metrics = ResponderMetrics(handlers)

    async def process(self, raw: AbstractIncomingMessage) -> None:
        """Answer one request; what cannot be answered is dropped, because its sender stops waiting anyway."""
        started = time.perf_counter()
        wire_type = claimed if (claimed := raw.type or "") in self._handlers else OTHER
        with answer_span(raw, wire_type, requests_queue(self._owner), self._publisher.server) as span:
            document, outcome = await self._answer(raw, span)
            self._metrics.answered(wire_type, outcome, time.perf_counter() - started)
            # Any other address could be somebody's queue: a request must not be able to make us write there.
            if raw.reply_to and raw.reply_to.startswith(f"{REPLY_TO}."):
                try:
                    await self._publisher.send(
                        aio_pika.Message(document, content_type="application/json", correlation_id=raw.correlation_id),
                        exchange=DEFAULT_EXCHANGE,
                        routing_key=raw.reply_to,
                        mandatory=False,  # RabbitMQ counts direct reply-to as "not routed"
                    )
                except (BrokerUnavailable, Unroutable) as error:
                    _log.info("responder.asker_gone", message_id=uuid_text(raw.message_id), error=str(error))
            await raw.ack()

    async def _answer(self, raw: AbstractIncomingMessage, span: Span) -> tuple[bytes, str]:
        """The reply, and how it counts."""
        expected: tuple[type[Exception], ...] = (DatabaseUnavailable,)
        try:
            if raw.user_id not in self._trusted_users:
                raise Poison("untrusted", "only services may send requests")
            envelope = decode_envelope(raw.body)
            handler = self._handlers.get(envelope.type)
            if handler is None:
                raise Poison("unsupported_type", f"{self._owner} does not answer this type or version")
            expected += handler.expected
            principal = raw.headers.get(PRINCIPAL_HEADER)
            answer = await handler.answer(
                Delivery(
                    id=envelope.id,
                    message=decode_data(envelope, handler.kind),
                    principal=principal if isinstance(principal, str) else "anonymous",
                    attempt=1,
                    time=envelope.time,
                )
            )
        except Exception as error:
            failed(span, type(error).__name__)
            # Neither the text nor the traceback: a request may carry credentials.
            message_id, error_class = uuid_text(raw.message_id), type(error).__name__
            if isinstance(error, expected):
                _log.warning("responder.fault", message_id=message_id, error_class=error_class)
            else:
                _log.error("responder.fault", message_id=message_id, error_class=error_class)
            fault = orjson.dumps({"fault": f"{self._owner} could not answer: {type(error).__name__}"})
            return fault, "refused" if isinstance(error, Poison) else "fault"
        return orjson.dumps({"answer": answer.model_dump(mode="json")}), "answered"
