"""Clients that do not read, or do not send what they began: how long the server waits for them.

Without this a response or a WebSocket waits for ever for a client that keeps its connection open and reads nothing,
and holds its task and its memory; closing does not help either, because the server first waits for the rest to be
sent. In the same way it waits for a request of which the half has come.
"""

import asyncio
from typing import Any, ClassVar, Final, Protocol, cast

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from aiops_common.logging import get_logger

_log = get_logger(__name__)

HEAD_SECONDS: Final = 10.0
"""How long the head of a request may take, from the connection or its first byte on."""

_MORE_SECONDS: Final = 5.0
"""What the body may take beyond its deadline: an application that reads it has the first word, and says why it ends."""

_LOG_SECONDS: Final = 10.0
"""How often at most the log says that there are too many connections."""

_LEAST_PROGRESS: Final = 64 * 1024
"""Bytes that a client has to take within each deadline while the server cannot write."""


class _Connection(Protocol):
    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    send_seconds: float


class _Deadline:
    """Ends the connection of a client who takes too little for ``seconds`` while more than the buffer is waiting."""

    def __init__(self, connection: object) -> None:
        # Both of uvicorn's protocols have these; they share no base class that says so.
        self._connection = cast(_Connection, connection)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """From now on the client has to take something."""
        self.stop()
        unsent = self._connection.transport.get_write_buffer_size()
        self._timer = self._connection.loop.call_later(self._connection.send_seconds, self._check, unsent)

    def close(self) -> None:
        """The server is closing: the client has to take what is left."""
        if self._timer is None:
            self.start()

    def stop(self) -> None:
        """All is sent, or the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self, unsent_before: int) -> None:
        unsent = self._connection.transport.get_write_buffer_size()
        if unsent_before - unsent >= _LEAST_PROGRESS:
            self.start()
            return
        if unsent:
            _log.warning("client.too_slow", unsent_bytes=unsent, seconds=self._connection.send_seconds)
        self._connection.transport.abort()


class _Expected:
    """Ends the connection of a client who does not send what is expected of it in time."""

    def __init__(self, protocol: HttpToolsProtocol) -> None:
        self._protocol = protocol
        self._timer: asyncio.TimerHandle | None = None

    @property
    def pending(self) -> bool:
        return self._timer is not None

    def within(self, seconds: float) -> None:
        """From now on the client has so long."""
        self.arrived()
        self._timer = self._protocol.loop.call_later(seconds, self._check, seconds)

    def arrived(self) -> None:
        """It has come, or the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self, seconds: float) -> None:
        if self._protocol.flow.read_paused:  # the server has something else to do first
            self.within(seconds)
            return
        self._timer = None
        _log.debug("client.sent_too_little", seconds=seconds)
        self._protocol.transport.abort()


class HttpProtocol(HttpToolsProtocol):
    """Uvicorn's, with deadlines for sending and receiving, and a limit of connections."""

    send_seconds: ClassVar[float] = 10.0
    receive_seconds: ClassVar[float] = 30.0
    max_connections: ClassVar[int] = 10_000
    _told_at: ClassVar[float] = float("-inf")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline = _Deadline(self)
        self._expected = _Expected(self)
        self._is_websocket = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        if len(self.connections) > self.max_connections:
            self._refuse()
            return
        self._expected.within(HEAD_SECONDS)

    def _refuse(self) -> None:
        # Unread and unanswered: whoever opens very many would make us write as much.
        kind, now = type(self), self.loop.time()
        if now - kind._told_at >= _LOG_SECONDS:
            kind._told_at = now
            _log.warning("connections.full", most=self.max_connections)
        self.transport.abort()

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # Empty lines between requests begin none, but end uvicorn's own time for idle connections.
        busy = self.cycle is not None and not self.cycle.response_complete
        timed = self._expected.pending or self.timeout_keep_alive_task is not None
        if not (busy or timed or self._is_websocket or self.transport.is_closing()):
            self._expected.within(HEAD_SECONDS)

    @override
    def on_message_begin(self) -> None:
        self._expected.within(HEAD_SECONDS)
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        self._expected.within(self.receive_seconds + _MORE_SECONDS)
        super().on_headers_complete()

    @override
    def on_message_complete(self) -> None:
        self._expected.arrived()
        super().on_message_complete()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._deadline.close()

    @override
    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._deadline.close()

    @override
    def handle_websocket_upgrade(self) -> None:
        self._is_websocket = True
        self._expected.arrived()
        super().handle_websocket_upgrade()

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._deadline.start()

    @override
    def resume_writing(self) -> None:
        self._deadline.stop()
        super().resume_writing()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.stop()
        self._expected.arrived()
        super().connection_lost(exc)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's, with a deadline for sending and for closing; it does not read from who does not read either."""

    send_seconds: ClassVar[float] = 10.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline = _Deadline(self)

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        # Every ping is answered at once, past the application: who sends them and never reads would fill our memory.
        self.transport.pause_reading()
        self._deadline.start()

    @override
    def resume_writing(self) -> None:
        self._deadline.stop()
        if not self.read_paused:
            self.transport.resume_reading()
        super().resume_writing()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.stop()
        super().connection_lost(exc)

    @override
    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._deadline.close()

    @override
    async def receive(self) -> Any:
        message = await super().receive()
        if not self.writable.is_set():
            self.transport.pause_reading()
        return message

    @override
    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.close":
            self._deadline.close()


def protocols(
    *, send_seconds: float, receive_seconds: float, max_connections: int
) -> tuple[type[HttpProtocol], type[WebSocketProtocol]]:
    """What uvicorn is to speak HTTP and WebSocket with."""
    sending = {"send_seconds": send_seconds}
    http = {**sending, "receive_seconds": receive_seconds, "max_connections": max_connections}
    return type("HttpProtocol", (HttpProtocol,), http), type("WebSocketProtocol", (WebSocketProtocol,), sending)
