"""The proxy of the fault tests, between an echo server and its clients on 127.0.0.1."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from aiops_common.testing.tcp_proxy import Faults, TcpProxy
from support.eventually import eventually

SECONDS = 10.0
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def proxy() -> AsyncIterator[TcpProxy]:
    """A proxy to a server that returns what it gets and closes when its client does."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with asyncio.timeout(2 * SECONDS), TcpProxy(*server.sockets[0].getsockname()) as between:
        yield between
    server.close()


@pytest.fixture
async def stream(proxy: TcpProxy) -> AsyncIterator[Stream]:
    """A connection through the proxy, of which the server knows."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    assert await echoed((reader, writer), b"hello") == b"hello"
    yield reader, writer
    writer.close()


async def echoed(stream: Stream, data: bytes) -> bytes:
    reader, writer = stream
    writer.write(data)
    return await asyncio.wait_for(reader.readexactly(len(data)), SECONDS)


async def silent(reader: asyncio.StreamReader, seconds: float = 0.3) -> bool:
    """Whether neither a byte nor an end comes."""
    try:
        await asyncio.wait_for(reader.read(1), seconds)
    except TimeoutError:
        return True
    return False


async def test_without_faults_it_passes_on_every_byte_and_the_end(proxy: TcpProxy, stream: Stream) -> None:
    data = bytes(range(256)) * 40_000
    assert await echoed(stream, data) == data
    reader, writer = stream
    writer.write(b"last")
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), SECONDS) == b"last"

    async def gone() -> bool:
        return proxy.connections == 0

    await eventually(gone)
    assert proxy.accepted == 1


async def test_latency_delays_each_direction_and_does_not_add_up(proxy: TcpProxy, stream: Stream) -> None:
    proxy.faults = Faults(latency_seconds=0.2)
    reader, writer = stream
    started = time.monotonic()
    for number in range(10):
        writer.write(bytes([number]))
        await asyncio.sleep(0.02)
    assert await asyncio.wait_for(reader.readexactly(10), SECONDS) == bytes(range(10))
    taken = time.monotonic() - started
    assert taken >= 0.4 + 9 * 0.02
    assert taken < 10 * 0.4


async def test_bandwidth_is_the_bytes_of_a_second(proxy: TcpProxy, stream: Stream) -> None:
    proxy.faults = Faults(bytes_per_second=20_000)
    started = time.monotonic()
    assert await echoed(stream, b"x" * 10_000) == b"x" * 10_000
    assert time.monotonic() - started >= 0.5


async def test_slices_arrive_one_by_one(proxy: TcpProxy, stream: Stream) -> None:
    proxy.faults = Faults(slice_bytes=3, bytes_per_second=100)
    reader, writer = stream
    writer.write(b"0123456789")
    first = await asyncio.wait_for(reader.read(100), SECONDS)
    assert 0 < len(first) <= 3
    assert first + await asyncio.wait_for(reader.readexactly(10 - len(first)), SECONDS) == b"0123456789"


async def test_a_reset_is_told_to_both_ends(proxy: TcpProxy, stream: Stream) -> None:
    assert await proxy.reset_all() == 1
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(stream[0].readexactly(1), SECONDS)
    assert await echoed(await asyncio.open_connection("127.0.0.1", proxy.port), b"new") == b"new"


async def test_new_connections_are_reset_and_those_that_exist_stay(proxy: TcpProxy, stream: Stream) -> None:
    proxy.faults = Faults(reset_new=True)
    reader, _ = await asyncio.open_connection("127.0.0.1", proxy.port)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.readexactly(1), SECONDS)
    assert await echoed(stream, b"still") == b"still"


async def test_a_black_hole_swallows_bytes_and_ends_and_takes_connections(proxy: TcpProxy, stream: Stream) -> None:
    proxy.faults = Faults(black_hole=True)
    reader, writer = stream
    writer.write(b"lost")
    assert await silent(reader)
    late, late_writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    late_writer.write(b"lost too")
    late_writer.write_eof()
    assert await silent(late)
    assert proxy.connections == 2
    proxy.faults = Faults()
    for broken in (reader, late):
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(broken.readexactly(1), SECONDS)


async def test_a_connection_that_lost_nothing_in_the_black_hole_goes_on(proxy: TcpProxy, stream: Stream) -> None:
    proxy.faults = Faults(black_hole=True)
    assert await silent(stream[0])
    proxy.faults = Faults()
    assert await echoed(stream, b"as before") == b"as before"


async def test_refused_until_it_listens_again_on_the_same_port(proxy: TcpProxy, stream: Stream) -> None:
    port = proxy.port
    await proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    assert await echoed(stream, b"still") == b"still"
    await proxy.listen()
    assert proxy.port == port
    assert await echoed(await asyncio.open_connection("127.0.0.1", port), b"new") == b"new"


async def test_a_target_that_is_away_resets_the_client() -> None:
    async with TcpProxy("127.0.0.1", 1) as proxy:
        reader, _ = await asyncio.open_connection("127.0.0.1", proxy.port)
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.readexactly(1), SECONDS)


async def test_it_ends_at_once_amid_its_faults(proxy: TcpProxy, stream: Stream) -> None:
    proxy.faults = Faults(black_hole=True, latency_seconds=3600)
    late, _ = await asyncio.open_connection("127.0.0.1", proxy.port)
    stream[1].write(b"lost")
    assert await silent(late)
    assert await proxy.reset_all() == 2
    assert proxy.connections == 0
