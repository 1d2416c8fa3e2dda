"""Deadlines for sending and receiving: who takes or sends something gets more time, who does not is cut off."""

import asyncio
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from aiops_common import slow_clients
from aiops_common.slow_clients import HttpProtocol, WebSocketProtocol, protocols
from support.eventually import eventually

KILOBYTE = 1024


class Transport(asyncio.Transport):
    """Holds ``unsent`` bytes for a client, who takes ``takes`` of them between any two looks."""

    def __init__(self, unsent: int, takes: int = 0) -> None:
        super().__init__()
        self.unsent = unsent
        self.takes = takes
        self.looks = 0
        self.aborted = False
        self.reading = True
        self.written = b""

    def is_closing(self) -> bool:
        return self.aborted

    def close(self) -> None:
        self.aborted = True

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def get_write_buffer_size(self) -> int:
        self.looks += 1
        self.unsent = max(0, self.unsent - self.takes)
        return self.unsent

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


async def _nothing(_scope: Any, _receive: Any, _send: Any) -> None:
    """No application."""


def connected(kind: int, transport: Transport) -> HttpProtocol | WebSocketProtocol:
    pair = protocols(send_seconds=0.01, receive_seconds=60, max_connections=9)
    protocol = pair[kind](Config(_nothing, ws="none"), ServerState(), {}, asyncio.get_running_loop())
    protocol.connection_made(transport)
    return protocol


@pytest.mark.parametrize("kind", [0, 1], ids=["http", "websocket"])
async def test_who_takes_nothing_is_cut_off(kind: int) -> None:
    transport = Transport(100 * KILOBYTE)
    connected(kind, transport).pause_writing()

    async def cut_off() -> bool:
        return transport.aborted

    await eventually(cut_off)


@pytest.mark.parametrize("kind", [0, 1], ids=["http", "websocket"])
async def test_who_takes_enough_is_waited_for_and_then_forgotten(kind: int) -> None:
    transport = Transport(1000 * KILOBYTE, takes=64 * KILOBYTE)
    protocol = connected(kind, transport)
    protocol.pause_writing()

    async def looked_at_often() -> bool:
        return transport.looks >= 8

    await eventually(looked_at_often)
    protocol.resume_writing()
    looks = transport.looks
    await asyncio.sleep(0.05)
    assert (transport.aborted, transport.looks) == (False, looks)


async def test_nothing_is_read_from_who_does_not_read() -> None:
    transport = Transport(100 * KILOBYTE)
    protocol = connected(1, transport)
    protocol.pause_writing()
    assert not transport.reading
    protocol.resume_writing()
    assert transport.reading
    protocol.connection_lost(OSError())


class Service:
    """Answers when it may; before, it reads what has come of the body until then, if it ``reads``."""

    def __init__(self, *, reads: bool = True) -> None:
        self.may_answer = asyncio.Event()
        self._reads = reads

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        if self._reads:
            await receive()
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
BODY = b"Content-Length: 3\r\n\r\n"
SHORT, LONG = 0.02, 0.1


def serving(
    service: Service, transport: Transport, monkeypatch: pytest.MonkeyPatch, *, keep_alive: int = 60
) -> HttpProtocol:
    monkeypatch.setattr(slow_clients, "HEAD_SECONDS", SHORT)
    monkeypatch.setattr(slow_clients, "_MORE_SECONDS", 0.0)
    http, _ = protocols(send_seconds=60, receive_seconds=SHORT, max_connections=9)
    config = Config(service, ws="none", timeout_keep_alive=keep_alive)
    protocol = http(config, ServerState(), {}, asyncio.get_running_loop())
    protocol.connection_made(transport)
    return protocol


HALVES = {
    "nothing": [],
    "half a head": [HEAD],
    "empty lines": [b"\r\n", b"\r\n"],
    "half a body": [HEAD + BODY + b"1"],
    "a request, then half a head": [HEAD + BODY + b"123", HEAD],
    "a request, then an empty line": [HEAD + BODY + b"123", b"\r\n"],
    "a request, then half a body": [HEAD + BODY + b"123", HEAD + BODY + b"1"],
}


@pytest.mark.parametrize("parts", HALVES.values(), ids=HALVES.keys())
@pytest.mark.parametrize("early", [True, False], ids=["answered at once", "answered later"])
async def test_who_holds_back_a_request_is_cut_off(
    parts: list[bytes], early: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, transport = Service(), Transport(0)
    if early:
        service.may_answer.set()
    protocol = serving(service, transport, monkeypatch)
    for part in parts:
        protocol.data_received(part)
        if early or part is not parts[-1]:
            service.may_answer.set()
            await asyncio.sleep(0.001)
            if not early:
                service.may_answer.clear()

    async def cut_off() -> bool:
        return transport.aborted

    await eventually(cut_off)
    protocol.connection_lost(None)


async def test_who_sent_all_is_not_hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    service, transport = Service(), Transport(0)
    protocol = serving(service, transport, monkeypatch)
    for part in (HEAD, BODY, b"12", b"3"):
        protocol.data_received(part)
    await asyncio.sleep(LONG)  # a long operation, or a stream of events
    assert not transport.aborted
    service.may_answer.set()
    await asyncio.sleep(0.01)
    assert transport.written.endswith(b"ok")
    await asyncio.sleep(LONG)  # idle: how long that may last is the server's keep-alive
    assert not transport.aborted
    protocol.connection_lost(None)


async def test_who_waits_for_the_server_to_read_is_not_hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    service, transport = Service(reads=False), Transport(0)
    protocol = serving(service, transport, monkeypatch)
    # The second waits for the first to be answered, and the rest of the third is not read until then.
    protocol.data_received(HEAD + BODY + b"123" + HEAD + BODY + b"123" + HEAD)
    assert not transport.reading
    await asyncio.sleep(LONG)
    assert not transport.aborted
    service.may_answer.set()

    async def both_answered() -> bool:
        return transport.written.count(b"ok") == 2

    await eventually(both_answered)
    protocol.connection_lost(None)


async def test_there_are_so_many_connections_and_no_more() -> None:
    http, _ = protocols(send_seconds=60, receive_seconds=60, max_connections=2)
    state, transports, held = ServerState(), [Transport(0) for _ in range(3)], []
    for transport in transports:
        held.append(http(Config(_nothing, ws="none"), state, {}, asyncio.get_running_loop()))
        held[-1].connection_made(transport)
    assert [one.aborted for one in transports] == [False, False, True]
    held[2].connection_lost(None)
    held[0].connection_lost(None)
    again = http(Config(_nothing, ws="none"), state, {}, asyncio.get_running_loop())
    again.connection_made(other := Transport(0))
    assert not other.aborted
    again.connection_lost(None)
    held[1].connection_lost(None)
