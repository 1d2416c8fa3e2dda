"""One connection to RabbitMQ that is opened when it is needed and opened anew after it broke."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import aio_pika
import aiormq
from aio_pika.abc import AbstractChannel, AbstractConnection
from pamqp.base import BasicProperties
from yarl import URL

from aiops_common.logging import get_logger
from aiops_common.outage import Outage

# How many frames may wait to be written. With aiormq's 10, no more than 10 messages or acknowledgements leave per turn
# of the event loop, and a turn of a busy process takes tens of milliseconds: 250 messages/s were all that went.
aiormq.Connection.FRAME_BUFFER_SIZE = 1000


_decode_properties = BasicProperties.unmarshal


def _decode_or_drop_properties(self: BasicProperties, flags: int, data: bytes) -> None:
    """Properties that cannot be decoded count as absent, which makes the message poison for whoever consumes it.

    RabbitMQ lets publishers write a time beyond the year 9999, text that is not UTF-8 and tables of any depth. There
    pamqp raises in the task that reads the connection, and one such message ends every subscription of the process.
    """
    try:
        _decode_properties(self, flags, data)
    except Exception:  # whatever it is: what escapes here ends the connection
        for name in self.__slots__:
            setattr(self, name, None)


BasicProperties.unmarshal = _decode_or_drop_properties  # type: ignore[method-assign]  # pamqp has no hook for it


_log = get_logger(__name__)


class BrokerUnavailable(Exception):
    """RabbitMQ cannot be reached, or did not answer in time; whether a message arrived is unknown."""


_UNAVAILABLE = (
    aio_pika.exceptions.AMQPConnectionError,
    aiormq.exceptions.AMQPConnectionError,
    aio_pika.exceptions.ChannelInvalidStateError,
    aiormq.exceptions.ChannelClosed,
    asyncio.CancelledError,
    OSError,
    TimeoutError,
)


class Server(NamedTuple):
    """A broker, as it is addressed."""

    address: str
    port: int | None


class BrokerConnection:
    """A plain (not "robust") connection: a call fails at once while the broker is away, and the caller decides when
    to try again. Automatic reconnection would make callers hang for an unknown time instead.

    The heartbeat notices a black-holed peer within ``2 × heartbeat_seconds``.
    """

    def __init__(self, url: str, *, name: str, heartbeat_seconds: int = 10, connect_seconds: float = 5.0) -> None:
        self._url = URL(url).update_query(heartbeat=heartbeat_seconds, name=name)
        self._connect_seconds = connect_seconds
        self._connection: AbstractConnection | None = None
        self._opening = asyncio.Lock()
        self._name = name
        self._outage = Outage()

    @property
    def user(self) -> str:
        """The user of the connection, as RabbitMQ checks it against a message's ``user_id``."""
        return self._url.user or "guest"

    @property
    def server(self) -> Server:
        """The broker."""
        return Server(self._url.host or "", self._url.port)

    @property
    def is_open(self) -> bool:
        """Whether the connection was alive when last heard of."""
        # Not is_closed: that tells whether somebody called close(), and stays false when the peer is gone.
        return self._connection is not None and self._connection.connected.is_set()

    async def channel(self, *, confirms: bool) -> AbstractChannel:
        """A new channel; with ``confirms`` an unroutable mandatory message raises.

        Raises:
            BrokerUnavailable: no connection could be made within the deadline.
        """
        async with unavailable_errors():
            connection = await self._opened()
            try:
                async with asyncio.timeout(self._connect_seconds):
                    return await connection.channel(publisher_confirms=confirms, on_return_raises=confirms)
            except RuntimeError as error:  # what aio-pika raises where the peer went away a moment ago
                raise BrokerUnavailable("RabbitMQ is unavailable: the connection was just lost") from error

    async def _opened(self) -> AbstractConnection:
        async with self._opening:
            if self._connection is None or not self.is_open:
                if self._connection is not None:
                    self._is_lost("the connection broke")
                try:
                    async with asyncio.timeout(self._connect_seconds):
                        self._connection = await aio_pika.connect(self._url)
                except _UNAVAILABLE as error:
                    self._is_lost(type(error).__name__)
                    raise
                if (seconds := self._outage.ends()) is not None:
                    _log.info("broker.back", connection=self._name, away_seconds=seconds)
            return self._connection

    def _is_lost(self, error: str) -> None:
        if self._outage.begins():
            _log.warning("broker.lost", connection=self._name, error=error)

    async def close(self) -> None:
        """Close the connection; never fails."""
        if self._connection is not None:
            with suppress(*_UNAVAILABLE):
                async with asyncio.timeout(self._connect_seconds):
                    await self._connection.close()


@asynccontextmanager
async def unavailable_errors() -> AsyncIterator[None]:
    """Turn every way in which the connection fails into BrokerUnavailable.

    A confirm that is outstanding when the connection breaks is *cancelled* by aiormq: that, too, is "unavailable" as
    long as nobody cancelled our own task.

    Raises:
        BrokerUnavailable: the connection or channel broke, or a deadline passed.
    """
    try:
        yield
    except _UNAVAILABLE as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        raise BrokerUnavailable(f"RabbitMQ is unavailable: {type(error).__name__}") from error
