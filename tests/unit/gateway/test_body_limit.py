"""Request bodies that are too large, whether or not they say so, too slow, or too many at the same time."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from aiops_gateway.limits.body import BodyLimit

LIMIT = 10
HELD = 40


class Api:
    """Reads the whole body and answers 200; with ``early`` it begins to answer before it reads."""

    def __init__(self, *, early: bool = False) -> None:
        self.calls = 0
        self.body = b""
        self._early = early

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += 1
        if self._early:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        more = scope["type"] == "http"
        while more:
            message = await receive()
            self.body += message.get("body", b"")
            more = message.get("more_body", False)
        if not self._early:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


async def statuses(api: Api, chunks: list[bytes], *headers: tuple[bytes, bytes], kind: str = "http") -> list[int]:
    """The statuses with which the answer to a request began: one, unless something is wrong."""
    waiting: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": i < len(chunks) - 1} for i, chunk in enumerate(chunks)
    ]
    begun: list[int] = []

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            begun.append(message["status"])

    scope: dict[str, Any] = {"type": kind, "headers": list(headers), "method": "POST", "path": "/graphql"}
    await BodyLimit(api, LIMIT, seconds=60, max_held=HELD)(scope, receive, send)
    return begun


@pytest.mark.parametrize("length", [0, 1, LIMIT])
@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_within_the_limit_arrives(length: int, announced: bool) -> None:
    api = Api()
    headers = [(b"content-length", str(length).encode())] if announced else []
    assert await statuses(api, [b"x" * length], *headers) == [200]
    assert api.body == b"x" * length


@pytest.mark.parametrize("announced", [b"11", b"999999999999", b"-1", b"ten", b"", b"1e9", b"0x1", b" 5", b"9" * 5000])
async def test_a_length_that_is_too_large_or_none_is_refused_unread(announced: bytes) -> None:
    api = Api()
    assert await statuses(api, [b"x" * 11], (b"content-length", announced)) == [413]
    assert api.calls == 0


async def test_a_body_that_grows_over_the_limit_is_refused() -> None:
    api = Api()
    assert await statuses(api, [b"x" * 6, b"x" * 6, b"x" * 6]) == [413]
    assert len(api.body) <= LIMIT


async def test_a_body_that_is_longer_than_it_said_is_refused() -> None:
    assert await statuses(Api(), [b"x" * 11], (b"content-length", b"5")) == [413]


async def test_an_answer_that_has_begun_is_not_begun_again() -> None:
    assert await statuses(Api(early=True), [b"x" * 11]) == [200]


async def test_a_websocket_is_not_counted() -> None:
    api = Api()
    await statuses(api, [], kind="websocket")
    assert api.calls == 1


class Client:
    """Sends the parts of a body when the test says so, and writes down what it is told."""

    def __init__(self, limit: BodyLimit, address: str = "192.0.2.1") -> None:
        self.told: list[Message] = []
        self._sent: asyncio.Queue[Message] = asyncio.Queue()
        scope = {"type": "http", "headers": [], "method": "POST", "path": "/graphql", "client": (address, 1)}
        self.visit = asyncio.create_task(self._visit(limit, scope))

    async def _visit(self, limit: BodyLimit, scope: Scope) -> None:
        async def send(message: Message) -> None:
            self.told.append(message)

        await limit(scope, self._sent.get, send)

    async def part(self, size: int, *, more: bool = True) -> None:
        self._sent.put_nowait({"type": "http.request", "body": b"x" * size, "more_body": more})
        for _ in range(5):  # as often as the tasks take turns until it is looked at
            await asyncio.sleep(0)

    async def gone(self) -> None:
        self._sent.put_nowait({"type": "http.disconnect"})
        await asyncio.wait([self.visit])

    @property
    def status(self) -> int:
        status: int = self.told[0]["status"]
        return status


async def test_a_body_that_does_not_come_is_given_up() -> None:
    client = Client(BodyLimit(Api(), LIMIT, seconds=0.01, max_held=HELD))
    await client.part(5)
    await asyncio.wait_for(client.visit, 10)
    assert client.status == 408
    assert (b"connection", b"close") in client.told[0]["headers"]
    assert b'"code":"LIMIT_EXCEEDED"' in client.told[1]["body"]


async def test_a_body_that_comes_by_and_by_is_given_up_too() -> None:
    client = Client(BodyLimit(Api(), 10**9, seconds=0.05, max_held=10**9))

    async def trickle() -> None:
        while not client.visit.done():
            await client.part(1)
            await asyncio.sleep(0.001)

    await asyncio.wait_for(trickle(), 10)
    assert client.status == 408


async def test_an_answer_may_take_longer_than_the_request() -> None:
    gone = asyncio.Event()

    async def stream(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        assert (await receive())["type"] == "http.disconnect"
        gone.set()

    client = Client(BodyLimit(stream, LIMIT, seconds=0.01, max_held=HELD))
    await client.part(5, more=False)
    await asyncio.sleep(0.05)
    assert not client.visit.done()
    await client.gone()
    assert gone.is_set()
    assert client.status == 200


async def test_bodies_that_are_held_are_bounded_for_an_address_and_for_all() -> None:
    limit = BodyLimit(Api(), LIMIT, seconds=60, max_held=HELD)
    first, second, third = [Client(limit) for _ in range(3)]
    for client in (first, second):
        await client.part(LIMIT)
    await third.part(1)  # half of what all may hold is held by this address
    await asyncio.wait([third.visit])
    assert third.status == 503
    assert dict(third.told[0]["headers"])[b"retry-after"] == b"1"
    others = [Client(limit, "192.0.2.2") for _ in range(2)]
    for client in others:
        await client.part(LIMIT)
    newcomer = Client(limit, "192.0.2.3")
    await newcomer.part(1)
    await asyncio.wait([newcomer.visit])
    assert newcomer.status == 503
    for client in (first, second, *others):
        await client.part(0, more=False)
        await asyncio.wait([client.visit])
        assert client.status == 200
    again = Client(limit)
    await again.part(LIMIT, more=False)
    await asyncio.wait([again.visit])
    assert again.status == 200


async def test_who_goes_away_holds_nothing_and_is_no_fault() -> None:
    async def api(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()

    limit = BodyLimit(api, LIMIT, seconds=60, max_held=HELD)
    for _ in range(10):
        client = Client(limit)
        await client.part(LIMIT)
        await client.gone()
        client.visit.result()
        assert client.told == []
