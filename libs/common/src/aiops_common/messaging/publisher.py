"""Publishing with confirms: what returns without an exception is on the broker's disk."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import cast
from weakref import WeakValueDictionary

import aio_pika
import aiormq
from aio_pika.abc import AbstractChannel, HeadersType

from aiops_common.messaging.connection import BrokerConnection, BrokerUnavailable, Server, unavailable_errors
from aiops_common.messaging.incoming import published_as
from aiops_common.messaging.message import Outgoing, headers_of
from aiops_common.messaging.metrics import known_types, published
from aiops_common.messaging.tracing import publish_span


class Unroutable(Exception):
    """No queue is bound for the routing key, or the queue refused the message because it is full."""


class Publisher:
    """Persistent, confirmed, mandatory publishing over a connection of its own."""

    def __init__(self, url: str, *, name: str, confirm_seconds: float = 10.0) -> None:
        self._connection = BrokerConnection(url, name=f"{name}.publish")
        self._confirm_seconds = confirm_seconds
        self._channel: AbstractChannel | None = None
        self._opening = asyncio.Lock()
        self._failures = 0
        self._under_way: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def user(self) -> str:
        """The broker user that the messages carry as ``user_id``."""
        return self._connection.user

    @property
    def server(self) -> Server:
        """The broker."""
        return self._connection.server

    async def start(self) -> None:
        """Connects on first use; here to be a component."""

    async def stop(self) -> None:
        """Close the connection."""
        await self._connection.close()

    async def publish(self, message: Outgoing) -> None:
        """Send one message of ours inside a producer span and wait for the broker's confirm.

        Raises:
            BrokerUnavailable: not confirmed; it may or may not have arrived.
            Unroutable: the broker returned or refused it.
        """
        wire_type = known_types.label(message.routing_key)
        with publish_span(message, wire_type, self.server) as span:
            signed = aio_pika.Message(
                message.body,
                headers=cast(HeadersType, {**message.headers, **headers_of(span)}),
                content_type="application/json",
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                message_id=str(message.id),
                type=message.routing_key,
                user_id=self.user,
            )
            started, outcome = time.perf_counter(), "unavailable"
            try:
                await self.send(signed, exchange=message.exchange, routing_key=message.routing_key)
                outcome = "confirmed"
            except Unroutable:
                outcome = "unroutable"
                raise
            finally:
                published(wire_type, outcome, time.perf_counter() - started)

    async def republish(
        self,
        original: aio_pika.abc.AbstractIncomingMessage,
        *,
        exchange: str,
        routing_key: str,
        headers: Mapping[str, str | int],
        expiration_seconds: float | None = None,
    ) -> None:
        """Send a copy of a message that was received: body and identity unchanged, the headers given here.

        Raises:
            BrokerUnavailable, Unroutable: as ``publish``.
        """
        # Nothing that a stranger wrote into headers: in our copy it would be believed (who asks, how often it was
        # tried), or obeyed (CC and BCC route, an x-death of its own makes RabbitMQ 3.10 drop it as a cycle).
        await self.send(
            aio_pika.Message(
                original.body,
                headers=cast(HeadersType, dict(headers)),
                content_type=original.content_type,
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                message_id=original.message_id,
                type=published_as(original),
                expiration=expiration_seconds,
                user_id=self.user,
            ),
            exchange=exchange,
            routing_key=routing_key,
        )

    async def send(self, message: aio_pika.Message, *, exchange: str, routing_key: str, mandatory: bool = True) -> None:
        """Send and wait for the confirm; with ``mandatory`` a message that no queue takes is an error.

        Raises:
            BrokerUnavailable, Unroutable: as ``publish``.
        """
        try:
            async with unavailable_errors():
                channel = await self._opened()
                async with asyncio.timeout(self._confirm_seconds), self._alone(message.message_id):
                    # Not Exchange.publish of aio-pika: it holds the channel's lock until the bytes are on their way,
                    # which makes concurrent publishers queue for several turns of the event loop each.
                    await channel.basic_publish(
                        message.body,
                        exchange=exchange,
                        routing_key=routing_key,
                        properties=message.properties,
                        mandatory=mandatory,
                        wait=False,
                    )
        except aio_pika.exceptions.DeliveryError as error:
            raise Unroutable(f"the broker refused a message for {exchange or 'default'}:{routing_key}") from error

    def _alone(self, message_id: str | None) -> AbstractAsyncContextManager[None]:
        """One message of an id at a time: aiormq knows by the id which one the broker returned as unroutable, so of two
        it would report one as failed and take the other, which is gone, for confirmed."""
        if message_id is None:
            return nullcontext()
        return self._under_way.setdefault(message_id, asyncio.Lock())

    async def _opened(self) -> aiormq.Channel:
        channel = self._channel
        if channel is None or channel.is_closed:
            failures = self._failures
            async with self._opening:
                channel = self._channel
                if channel is None or channel.is_closed:
                    if failures != self._failures:
                        # Else those who wait would try one after the other, each for as long as a connection may take.
                        raise BrokerUnavailable("RabbitMQ is unavailable: no connection while this one waited")
                    channel = await self._open()
        return cast(aiormq.Channel, await channel.get_underlay_channel())

    async def _open(self) -> AbstractChannel:
        try:
            self._channel = await self._connection.channel(confirms=True)
        except BrokerUnavailable:
            self._failures += 1
            raise
        return self._channel


__all__ = ["BrokerUnavailable", "Publisher", "Unroutable"]
