"""Many subscribers in a process of their own: a program, and how tests start it and ask it.

It opens its subscriptions, says so, and answers each line ``<number>`` when every subscription has been told that many
times: with the moments (seconds of the monotonic clock) at which the first, the middle and the last were.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from support.graphql import GraphqlClient
from support.servers import ROOT

WATCH = "subscription($id: ID) { ticketChanged(id: $id) { id version state title status } }"
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Told:
    """When the first, the middle and the last subscription were told, in seconds of the monotonic clock."""

    first: float
    middle: float
    last: float


@dataclass(frozen=True, slots=True)
class Order:
    """``ids[i]`` is what the i-th connection watches, again from the start where there are more; "" is everything."""

    url: str
    token: str
    connections: int
    ids: list[str]
    on_each: int = 1


class Subscribers:
    """The program, seen from a test."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def told(self, times: int) -> Told:
        """Wait until every subscription has been told so many times since it was opened."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{times}\n".encode())
        return Told(**json.loads(await self.line()))

    async def line(self) -> bytes:
        assert self._process.stdout is not None
        async with asyncio.timeout(100):
            line = await self._process.stdout.readline()
        assert line, "the subscribers have ended; see what they have written"
        return line


@asynccontextmanager
async def many_subscribers(
    client: GraphqlClient, connections: int, ids: Sequence[str], *, on_each: int = 1
) -> AsyncIterator[Subscribers]:
    """So many connections, all of them open, until the end of the context."""
    order = Order(client.url, client.token or "", connections, list(ids), on_each)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "support.many_subscribers", cwd=ROOT / "tests", stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(asdict(order)).encode() + b"\n")
        subscribers = Subscribers(process)
        await subscribers.line()
        yield subscribers
    finally:
        process.kill()
        await process.wait()


class _Crowd:
    def __init__(self, order: Order) -> None:
        self._order = order
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._told: dict[int, list[float]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        sockets = await asyncio.gather(*(self._connect(number) for number in range(self._order.connections)))
        self._tasks = [asyncio.create_task(self._read(number, socket)) for number, socket in enumerate(sockets)]

    async def _connect(self, number: int) -> ClientConnection:
        identity = self._order.ids[number % len(self._order.ids)]
        async with self._free:
            protocol = [Subprotocol("graphql-transport-ws")]
            address = self._order.url.replace("http", "ws", 1)
            socket = await connect(address, subprotocols=protocol, proxy=None, ping_interval=None)
            await _send(socket, type="connection_init", payload={"Authorization": f"Bearer {self._order.token}"})
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            for operation in range(self._order.on_each):
                payload = {"query": WATCH, "variables": {"id": identity or None}}
                await _send(socket, type="subscribe", id=str(operation), payload=payload)
                self._told[number * self._order.on_each + operation] = []
            if not identity:  # nothing comes at once, but the answer to a ping comes after the subscriptions
                await _send(socket, type="ping")
                assert json.loads(await socket.recv())["type"] == "pong"
            return socket

    async def _read(self, number: int, socket: ClientConnection) -> None:
        async for frame in socket:
            message = json.loads(frame)
            assert message["type"] == "next", message
            assert not message["payload"].get("errors"), message
            self._told[number * self._order.on_each + int(message["id"])].append(time.monotonic())

    async def wait(self, times: int) -> Told:
        while any(len(moments) < times for moments in self._told.values()):
            for task in self._tasks:
                if task.done():
                    task.result()
                    raise AssertionError("the server has closed a connection")
            await asyncio.sleep(0.05)
        moments = sorted(moments[times - 1] for moments in self._told.values()) if times else [0.0]
        return Told(moments[0], moments[len(moments) // 2], moments[-1])


async def _send(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def _run() -> None:
    crowd = _Crowd(Order(**json.loads(sys.stdin.readline())))
    await crowd.open()
    sys.stdout.write("open\n")
    sys.stdout.flush()
    while line := await asyncio.to_thread(sys.stdin.readline):
        sys.stdout.write(json.dumps(asdict(await crowd.wait(int(line)))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_run())
