"""Clients that begin a request and hold the rest back: given up in time, at no cost to those who send all."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from aiops_common.postgres import Pool
from support.eventually import eventually
from support.graphql import GraphqlClient, post
from support.lone_gateway import MEGABYTE, LoneGateway, lone_gateway

HELD = 16 * MEGABYTE
BODY = 4 * MEGABYTE
CLIENTS = 20


@pytest.fixture(autouse=True)
def whole() -> None:
    """One gateway and its database are all that these tests need."""


@pytest.fixture(scope="module")
async def gateway(pools: dict[str, Pool], service_database_urls: dict[str, str]) -> AsyncIterator[LoneGateway]:
    async with lone_gateway(
        pools["gateway"], service_database_urls["gateway"],
        receive_seconds=3, max_body_bytes_held=HELD, max_connections=CLIENTS + 10,
    ) as running:  # fmt: skip
        yield running


class Plain(NamedTuple):
    """A connection that says what the test wants, and nothing else."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def rest(self) -> bytes:
        """What comes until the server has closed the connection."""
        try:
            return await asyncio.wait_for(self.reader.read(), 30)
        except ConnectionError:
            self.reader.feed_eof()
            return b""
        finally:
            self.writer.close()


async def connection(gateway: LoneGateway) -> Plain:
    address = urlsplit(gateway.url)
    return Plain(*await asyncio.open_connection(address.hostname, address.port))


def head(size: int, *more: str, method: str = "POST", path: str = "/graphql") -> bytes:
    """The head of a request whose body has ``size`` bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {size}"]
    return "\r\n".join([*lines, *more, "", ""]).encode()


async def log_in(gateway: LoneGateway) -> str:
    """The header of somebody who is logged in: others may send small bodies only."""
    return f"Authorization: Bearer {gateway.client(await gateway.sign_up()).token}"


async def test_a_body_that_is_held_back_is_answered_and_closed(gateway: LoneGateway) -> None:
    plain = await connection(gateway)
    await plain.send(head(100) + b"{")
    answer = await plain.rest()
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in answer.lower()
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["errors"][0]["extensions"] == {"code": "LIMIT_EXCEEDED"}


async def test_bodies_that_are_held_back_take_bounded_memory(gateway: LoneGateway) -> None:
    start = head(BODY, await log_in(gateway))
    before = gateway.resident
    slow = [await connection(gateway) for _ in range(CLIENTS)]
    sending = [asyncio.create_task(one.send(start + b" " * (BODY - 1))) for one in slow]
    answers = asyncio.gather(*(one.rest() for one in slow))
    grown = 0
    while not answers.done():
        grown = max(grown, gateway.resident - before)
        await asyncio.sleep(0.05)
    statuses = sorted(answer[9:12] for answer in await answers)
    assert set(statuses) <= {b"408", b"503"}
    assert 0 < statuses.count(b"408") <= HELD // 2 // (BODY - 1), statuses
    # Without a limit it would be all that was sent: 80 MB.
    assert grown < HELD / 2 + 30 * MEGABYTE, f"{grown / MEGABYTE:.0f} MB"
    await asyncio.gather(*sending, return_exceptions=True)
    somebody = gateway.client(await gateway.sign_up())
    body = {"query": "{ me { id } }", "variables": {"y": "x" * BODY}}
    assert (await post(somebody, body)).json()["data"]["me"]


HALVES = {
    "nothing": [],
    "half a head": [b"POST /graphql HTTP/1.1\r\nHost"],
    "a body nobody reads": [head(100, path="/livez"), b"{"],
    "the body of a GET": [head(100, method="GET", path="/readyz"), b"{"],
    "an empty line": [head(0, method="GET", path="/livez"), b"\r\n"],
}


async def test_who_holds_back_anything_is_disconnected(gateway: LoneGateway) -> None:
    async def told(parts: list[bytes]) -> bool:
        plain = await connection(gateway)
        for part in parts:
            await plain.send(part)
            await asyncio.sleep(0.2)  # in packets of their own
        await plain.rest()
        return plain.reader.at_eof()

    closed = await asyncio.gather(*(told(parts) for parts in HALVES.values()))
    assert dict(zip(HALVES, closed, strict=True)) == dict.fromkeys(HALVES, True)


async def test_an_idle_subscription_is_left_alone(gateway: LoneGateway) -> None:
    content = json.dumps({"query": "subscription { ticketChanged { id } }"}).encode()
    plain = await connection(gateway)
    await plain.send(head(len(content), await log_in(gateway), "Accept: text/event-stream") + content)
    # A comment comes every 15 seconds, so the first long after every deadline.
    told = await asyncio.wait_for(plain.reader.readuntil(b": ping"), 30)
    assert told.startswith(b"HTTP/1.1 200")
    assert not plain.reader.at_eof()
    plain.writer.close()


async def test_there_are_so_many_connections_and_those_that_go_make_room(gateway: LoneGateway) -> None:
    many = [await connection(gateway) for _ in range(CLIENTS + 20)]
    closed = await asyncio.gather(*(asyncio.wait_for(one.rest(), 30) for one in many[-5:]))
    assert closed == [b""] * 5
    assert "connections.full" in gateway.log.read_text()
    for one in many:
        one.writer.close()
    visitor = GraphqlClient(gateway.url)

    async def served() -> bool:
        try:
            return (await post(visitor, {"query": "{ __typename }"})).status_code == 200
        except OSError:
            return False

    await eventually(served)
