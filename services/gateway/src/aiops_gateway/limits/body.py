"""The size of request bodies and the time they take, limited before anything is parsed."""

import asyncio
from dataclasses import dataclass, field

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aiops_gateway.domain.rates import address_key
from aiops_gateway.limits.held import Held
from aiops_gateway.limits.refused import REFUSED
from aiops_gateway.service.refusals import Reason, count_refusal

_MOST_DIGITS = 18
"""Python refuses to read numbers of thousands of digits, and no body is that long."""

_COME_AGAIN = 1
"""Seconds after which bodies that are held now may be gone: most are for a few milliseconds only."""


class _Refused(Exception):
    def __init__(self, reason: Reason, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        self.reason = reason
        self.status = status
        self.headers = headers
        super().__init__(message)


class BodyLimit:
    """Refuses request bodies over ``max_bytes`` with 413, whether or not they announce their length.

    What has not come after ``seconds`` is refused with 408; how long the answer takes is not limited here. While bodies
    of ``max_held`` bytes in all are held, or of half of them from one address, what comes is refused with 503. A body
    is held until its request is answered.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, seconds: float, max_held: int) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._held = Held(max_held, max(max_bytes, max_held // 2))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or len(announced) > _MOST_DIGITS or int(announced) > self._max_bytes:
            await _answer(self._too_large(), scope, receive, send)
            return
        body = _Body(receive, address_key((scope.get("client") or (None,))[0]))
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, lambda: self._receive(body), watched_send)
        except _Refused as refused:
            if not started:
                await _answer(refused, scope, receive, send)
        except ClientDisconnect:
            pass  # there is nobody to answer, and nothing went wrong here
        finally:
            self._held.give_back(body.key, body.size)

    async def _receive(self, body: "_Body") -> Message:
        if body.complete:
            return await body.receive()  # which waits until the client goes away
        try:
            async with asyncio.timeout_at(body.begun + self._seconds):
                message = await body.receive()
        except TimeoutError:
            raise _too_slow(self._seconds) from None
        size = len(message.get("body", b""))
        if body.size + size > self._max_bytes:
            raise self._too_large()
        if not self._held.take(body.key, size):
            raise _too_many()
        body.size += size
        body.complete = not message.get("more_body", False)
        return message

    def _too_large(self) -> _Refused:
        message = f"the request body is larger than {self._max_bytes} bytes, the limit; send less at a time"
        return _Refused(Reason.BODY_TOO_LARGE, 413, message)


@dataclass(slots=True)
class _Body:
    """What has come of a request's body; ``key`` is who sends it."""

    receive: Receive
    key: str
    begun: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    size: int = 0
    complete: bool = False


def _too_slow(seconds: float) -> _Refused:
    message = f"the request body did not come within {seconds:g} s, the limit; send less at a time"
    return _Refused(Reason.SLOW_BODY, 408, message, {"Connection": "close"})


def _too_many() -> _Refused:
    message = f"too many large requests are under way; try again in {_COME_AGAIN} s"
    return _Refused(Reason.BODIES_HELD, 503, message, {"Retry-After": str(_COME_AGAIN)})


async def _answer(refused: _Refused, scope: Scope, receive: Receive, send: Send) -> None:
    count_refusal(refused.reason)
    scope[REFUSED] = refused.reason
    error = {"message": str(refused), "extensions": {"code": "LIMIT_EXCEEDED"}}
    response = JSONResponse({"errors": [error]}, status_code=refused.status, headers=refused.headers)
    await response(scope, receive, send)
