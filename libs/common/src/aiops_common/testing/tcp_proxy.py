"""A TCP proxy that does to a connection what networks do, for tests.

    async with TcpProxy("127.0.0.1", 5672) as proxy:
        client = await connect(port=proxy.port)
        proxy.faults = Faults(latency_seconds=0.2, slice_bytes=1)   # from now on, in both directions
        proxy.faults = Faults(black_hole=True)                      # nothing arrives any more, and nobody is told
        await proxy.reset_all()                                     # RST to both ends of every connection
        await proxy.refuse()                                        # connection refused, until listen()

It runs in the event loop of the test. Code that blocks belongs into ``asyncio.to_thread`` meanwhile.
"""

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 64 * 1024
_CHUNKS_IN_FLIGHT = 64


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with the way; by default nothing.

    latency_seconds: how much later everything arrives, in each direction.
    bytes_per_second: the bandwidth of each direction of each connection.
    slice_bytes: the most bytes that are passed on at once.
    black_hole: what is sent disappears and no end is told that the other has closed. New connections are accepted and
        get no answer. When the hole is closed, a connection that lost bytes in it is reset.
    reset_new: new connections are reset as soon as they are accepted.
    """

    latency_seconds: float = 0.0
    bytes_per_second: float | None = None
    slice_bytes: int | None = None
    black_hole: bool = False
    reset_new: bool = False


class TcpProxy:
    """Listens on a free port of 127.0.0.1 and forwards to ``host``:``port`` with the present ``faults``."""

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        """Where it listens; the same port again after ``refuse`` and ``listen``."""
        self.accepted = 0
        """How many connections were made to it so far."""
        self.target = (host, port)
        """Where new connections are forwarded to; those that exist stay where they are."""
        self._faults = Faults()
        self._hole_closed = asyncio.Event()
        self._hole_closed.set()
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.refuse()
        await self.reset_all()

    @property
    def faults(self) -> Faults:
        """What is wrong at present."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        """Change what is wrong, for connections that exist too."""
        self._faults = faults
        if faults.black_hole:
            self._hole_closed.clear()
        else:
            self._hole_closed.set()

    @property
    def connections(self) -> int:
        """How many connections there are through it now."""
        return len(self._links)

    async def listen(self) -> None:
        """Take connections (again)."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Take no new connections: they are refused. Those that exist stay."""
        if self._server is not None:
            # Not wait_closed(): from Python 3.12 on it waits for the connections too.
            self._server.close()
            self._server = None

    async def reset_all(self) -> int:
        """Reset both ends of every connection; returns how many there were."""
        links = list(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)
        return len(links)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        link = asyncio.create_task(self._serve(reader, writer), name="tcp-proxy")
        self._links.add(link)
        link.add_done_callback(self._links.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            if self._faults.reset_new:
                return
            if self._faults.black_hole:
                await self._hole_closed.wait()
                return
            target_reader, target_writer = await asyncio.open_connection(*self.target)
            writers.append(target_writer)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._carry(reader, target_writer))
                ways.create_task(self._carry(target_reader, writer))
        except* (OSError, _Broken):
            pass  # one end is gone: the other learns it by the reset
        finally:
            for one in writers:
                _reset(one)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on everything that comes in one direction, and in the end that it ended."""
        # In between stands what is on its way: the latency delays every byte without holding up those behind it.
        way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_CHUNKS_IN_FLIGHT)
        async with asyncio.TaskGroup() as ends:
            ends.create_task(self._depart(reader, way))
            ends.create_task(self._arrive(way, writer))

    async def _depart(self, reader: asyncio.StreamReader, way: asyncio.Queue[tuple[float, bytes]]) -> None:
        loop = asyncio.get_running_loop()
        data = b"more"
        while data:
            data = await reader.read(_CHUNK_BYTES)
            await self._fall_into_hole()
            await way.put((loop.time() + self._faults.latency_seconds, data))

    async def _arrive(self, way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await way.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                await self._fall_into_hole()
                writer.write_eof()
                return
            await self._pass_on(data, writer)

    async def _pass_on(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        while data:
            await self._fall_into_hole()
            faults = self._faults
            size = min(len(data), faults.slice_bytes or len(data))
            if faults.bytes_per_second:
                # A twentieth of a second at a time, so that a change of the faults is soon noticed.
                size = min(size, max(1, int(faults.bytes_per_second / 20)))
                await asyncio.sleep(size / faults.bytes_per_second)
            writer.write(data[:size])
            await writer.drain()
            data = data[size:]
            if faults.slice_bytes:
                await asyncio.sleep(0)  # otherwise the pieces would leave together

    async def _fall_into_hole(self) -> None:
        """Nothing, or, where there is a black hole, the end of a connection of which bytes are now missing."""
        if self._faults.black_hole:
            await self._hole_closed.wait()
            raise _Broken


class _Broken(Exception):
    """Bytes are missing, so that the connection is of no use any more."""


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST; what both ends have closed before stays as it is."""
    with suppress(OSError):  # closed already
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
