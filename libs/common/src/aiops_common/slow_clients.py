"""Clients that do not read: how long the server holds what they have not taken.

Without this a response or a WebSocket waits for ever for a client that keeps its connection open and reads nothing,
and holds its task and its memory; closing does not help either, because the server first waits for the rest to be
sent.
"""

import asyncio
from typing import Any, ClassVar, Final, Protocol, cast

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from aiops_common.logging import get_logger

_log = get_logger(__name__)

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


class HttpProtocol(HttpToolsProtocol):
    """Uvicorn's, with a deadline for sending."""

    send_seconds: ClassVar[float] = 10.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline = _Deadline(self)

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


def protocols(send_seconds: float) -> tuple[type[HttpProtocol], type[WebSocketProtocol]]:
    """What uvicorn is to speak HTTP and WebSocket with."""
    own = {"send_seconds": send_seconds}
    return type("HttpProtocol", (HttpProtocol,), own), type("WebSocketProtocol", (WebSocketProtocol,), own)
