"""The deadline for sending: who takes something gets more time, who takes nothing is cut off."""

import asyncio
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

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
    protocol = protocols(0.01)[kind](Config(_nothing, ws="none"), ServerState(), {}, asyncio.get_running_loop())
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
