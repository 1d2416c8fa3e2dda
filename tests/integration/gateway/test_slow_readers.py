"""Subscribers who stop reading: dropped within the deadline, at no cost to the gateway and the other subscribers."""

import asyncio
import base64
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from aiops_common.postgres import Pool
from aiops_contracts.triage import TicketSnapshot
from aiops_gateway.graphql.ids import to_global_id
from integration.gateway.conftest import ticket
from support.eventually import eventually
from support.graphql import GraphqlClient, first
from support.lone_gateway import MEGABYTE, LoneGateway, lone_gateway
from support.many_subscribers import many_subscribers

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]

CHANGES = 10_000
BODY = "b" * 8000
WATCH = "subscription($id: ID) { ticketChanged(id: $id) { id version title body } }"
Subscribe = Callable[[GraphqlClient, socket.socket], None]
RECEIVE_BUFFER = 4096
"""Bytes that the system may keep for a client that does not read."""


@pytest.fixture
async def gateway(pools: dict[str, Pool], service_database_urls: dict[str, str]) -> AsyncIterator[LoneGateway]:
    async with lone_gateway(pools["gateway"], service_database_urls["gateway"], send_seconds=2) as running:
        yield running


@contextmanager
def connection(client: GraphqlClient) -> Iterator[socket.socket]:
    """A plain connection with a small buffer, so that what is not read stays with the gateway."""
    address = urlsplit(client.url)
    with socket.socket() as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        opened.settimeout(20)
        opened.connect((address.hostname, address.port))
        yield opened


def over_websocket(client: GraphqlClient, plain: socket.socket) -> None:
    """Subscribe to all tickets, and read no more than what comes before."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /graphql HTTP/1.1", f"Host: {urlsplit(client.url).netloc}", "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: graphql-transport-ws",
    ]  # fmt: skip
    plain.sendall("\r\n".join([*lines, "", ""]).encode())
    assert plain.recv(4096).startswith(b"HTTP/1.1 101")
    token = {"Authorization": f"Bearer {client.token}"}
    plain.sendall(frame(0x1, json.dumps({"type": "connection_init", "payload": token}).encode()))
    assert b"connection_ack" in plain.recv(4096)
    plain.sendall(frame(0x1, json.dumps({"type": "subscribe", "id": "1", "payload": {"query": WATCH}}).encode()))


def over_http(client: GraphqlClient, plain: socket.socket) -> None:
    """As ``over_websocket``, with server-sent events."""
    content = json.dumps({"query": WATCH}).encode()
    lines = [
        "POST /graphql HTTP/1.1", f"Host: {urlsplit(client.url).netloc}", "Accept: text/event-stream",
        "Content-Type: application/json", f"Authorization: Bearer {client.token}", f"Content-Length: {len(content)}",
    ]  # fmt: skip
    plain.sendall("\r\n".join([*lines, "", ""]).encode() + content)


def frame(opcode: int, payload: bytes) -> bytes:
    """One masked frame; the mask is zero. RFC 6455, 5.2."""
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack("!H", len(payload))
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


def rest(plain: socket.socket) -> int:
    """How many bytes were still on their way to a client that is no longer connected."""
    count = 0
    try:
        while data := plain.recv(65536):
            count += len(data)
    except ConnectionError:
        pass
    return count


async def subscribed(gateway: LoneGateway, count: int) -> None:
    async def counted() -> bool:
        return await gateway.subscriptions() == count

    await eventually(counted)


async def change(gateway: LoneGateway, tickets: Sequence[TicketSnapshot]) -> None:
    for start in range(0, len(tickets), 200):
        await gateway.project(*tickets[start : start + 200])


@pytest.mark.parametrize("subscribe", [over_websocket, over_http])
async def test_who_stops_reading_is_dropped_and_harms_nobody(gateway: LoneGateway, subscribe: Subscribe) -> None:
    client = gateway.client(await gateway.sign_up())
    tickets = [ticket(body=BODY, version=1) for _ in range(CHANGES)]
    async with many_subscribers(client, 2, [""]) as others:
        with connection(client) as slow:
            await asyncio.to_thread(subscribe, client, slow)
            await subscribed(gateway, 3)
            before = gateway.resident
            for done in range(0, CHANGES, 500):
                await change(gateway, tickets[done : done + 500])
                await others.told(done + 500)
            assert gateway.resident - before < 40 * MEGABYTE
            await subscribed(gateway, 2)
            assert "client.too_slow" in gateway.log.read_text()
            assert await asyncio.to_thread(rest, slow) < CHANGES * len(BODY) / 4
    last = tickets[-1]
    present = await first(client.subscribe(WATCH, id=to_global_id("Ticket", last.id)))
    assert (present["version"], present["body"]) == (1, BODY)


async def test_who_sends_pings_and_reads_no_answers_is_dropped(gateway: LoneGateway) -> None:
    client = gateway.client(await gateway.sign_up())
    pings = frame(0x9, b"p" * 125) * 1000

    def flood(plain: socket.socket) -> int:
        sent = 0
        try:
            while sent < 1000 * MEGABYTE:
                plain.sendall(pings)
                sent += len(pings)
        except ConnectionError:
            pass
        return sent

    with connection(client) as plain:
        await asyncio.to_thread(over_websocket, client, plain)
        await subscribed(gateway, 1)
        before = gateway.resident
        assert await asyncio.to_thread(flood, plain) < 50 * MEGABYTE
        assert gateway.resident - before < 20 * MEGABYTE
        await subscribed(gateway, 0)


@pytest.mark.parametrize("subscribe", [over_websocket, over_http])
async def test_nothing_is_kept_of_who_goes_away_without_a_word(gateway: LoneGateway, subscribe: Subscribe) -> None:
    client = gateway.client(await gateway.sign_up())
    with connection(client) as plain:
        await asyncio.to_thread(subscribe, client, plain)
        await subscribed(gateway, 1)
    await subscribed(gateway, 0)
