"""A client that shows tickets and must never be wrong for long: it subscribes, reads, and does both again when it must.

This is how docs/api.md tells clients to resume; the tests of replicas run it.
"""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from support.graphql import GraphqlClient, GraphqlErrors, Json

_FIELDS = "id version state status title"
WATCH = f"subscription($id: ID) {{ ticketChanged(id: $id) {{ {_FIELDS} }} }}"
READ = f"query {{ tickets(first: 100) {{ nodes {{ {_FIELDS} }} }} }}"
_LOST = (ConnectionClosed, InvalidHandshake, OSError, TimeoutError, httpx.HTTPError)


class Balancer:
    """Gives each new connection the next of several gateways."""

    def __init__(self, *gateways: GraphqlClient) -> None:
        self._next = itertools.cycle(gateways)

    def client(self) -> GraphqlClient:
        return next(self._next)


@dataclass(slots=True)
class Screen:
    """Shows one ticket, or without ``ticket_id`` the newest hundred and every other that changes."""

    balancer: Balancer
    ticket_id: str | None = None
    shown: dict[str, Json] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)
    """Errors with which subscriptions were ended."""
    connections: int = 0
    backwards: list[tuple[Json, Json]] = field(default_factory=list)
    """Where one subscription told an older version after a newer one."""

    async def run(self) -> None:
        """For ever."""
        while True:
            with contextlib.suppress(*_LOST):
                await self._watch(self.balancer.client())

    async def _watch(self, client: GraphqlClient) -> None:
        protocol = [Subprotocol("graphql-transport-ws")]
        async with connect(client.url.replace("http", "ws", 1), subprotocols=protocol, proxy=None) as socket:
            await _send(socket, {"type": "connection_init", "payload": {"Authorization": f"Bearer {client.token}"}})
            await _send(socket, {"type": "subscribe", "id": "1", "payload": self._subscription()})
            await _send(socket, {"type": "ping"})
            told: dict[str, Json] = {}
            async for text in socket:
                message = json.loads(text)
                if message["type"] == "pong":
                    await self._opened(client)
                elif message["type"] != "connection_ack" and not self._tell(message, told):
                    return

    def _subscription(self) -> Json:
        return {"query": WATCH, "variables": {"id": self.ticket_id}}

    async def _opened(self, client: GraphqlClient) -> None:
        if self.ticket_id is None:  # of a single ticket the present state has come by itself
            for node in (await client.execute(READ))["tickets"]["nodes"]:
                self._show(node)
        self.connections += 1

    def _tell(self, message: Json, told: dict[str, Json]) -> bool:
        """Whether the subscription goes on."""
        if message["type"] == "complete":
            return False
        errors = message["payload"] if message["type"] == "error" else message["payload"].get("errors")
        if errors:
            self.codes.append(GraphqlErrors(errors).code)
            return False
        ticket = message["payload"]["data"]["ticketChanged"]
        before = told.get(ticket["id"])
        if before is not None and before["version"] > ticket["version"]:
            self.backwards.append((before, ticket))
        told[ticket["id"]] = ticket
        self._show(ticket)
        return True

    def _show(self, ticket: Json) -> None:
        # What was read and what was told may overtake each other; versions tell which is newer.
        if self.shown.get(ticket["id"], ticket)["version"] <= ticket["version"]:
            self.shown[ticket["id"]] = ticket


@contextlib.contextmanager
def running(screens: list[Screen]) -> Iterator[None]:
    """All of them at once, until the end of the context."""
    tasks = [asyncio.create_task(screen.run()) for screen in screens]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


async def _send(socket: ClientConnection, message: Json) -> None:
    await socket.send(json.dumps(message))
