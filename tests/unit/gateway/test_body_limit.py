"""Request bodies that are too large, whether or not they say so."""

from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from aiops_gateway.limits.body import BodyLimit

LIMIT = 10


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
    await BodyLimit(api, LIMIT)(scope, receive, send)
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
