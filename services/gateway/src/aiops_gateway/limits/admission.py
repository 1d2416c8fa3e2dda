"""Lets requests and WebSockets in, or tells them when to come again."""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aiops_gateway.limits.refused import REFUSED
from aiops_gateway.service.admission import VISIT, Admission, TooManyConnections, TooManyRequests


class AdmissionControl:
    """Answers 429 to what ``admission`` does not let in; all paths are counted but those that are ``free``."""

    def __init__(self, app: ASGIApp, admission: Admission, free: frozenset[str]) -> None:
        self._app = app
        self._admission = admission
        self._free = free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] not in ("http", "websocket") or scope["path"] in self._free:
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        websocket = scope["type"] == "websocket"
        try:
            address = client[0] if client else None
            visit = self._admission.visit(address, websocket=websocket, stream=not websocket and _is_stream(scope))
        except (TooManyRequests, TooManyConnections) as error:
            await _refuse(error, scope, receive, send)
            return

        async def honest_send(message: Message) -> None:
            # Who asks is known only while the request is served: what was found then changes the status here.
            if visit.refused is not None and message["type"] == "http.response.start":
                scope[REFUSED] = visit.refused.reason
                message["status"] = 429
                message["headers"] = [
                    *message.get("headers", ()), (b"retry-after", str(visit.refused.retry_after).encode())
                ]  # fmt: skip
            await send(message)

        scope[VISIT] = visit
        try:
            await self._app(scope, receive, send if websocket else honest_send)
        finally:
            visit.end()


def _is_stream(scope: Scope) -> bool:
    return any(name == b"accept" and b"text/event-stream" in value.lower() for name, value in scope["headers"])


async def _refuse(error: TooManyRequests | TooManyConnections, scope: Scope, receive: Receive, send: Send) -> None:
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, TooManyRequests) else None
    told = {"message": str(error), "extensions": {"code": "LIMIT_EXCEEDED"}}
    response = JSONResponse({"errors": [told]}, status_code=429, headers=headers)
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await receive()  # the handshake, before which nothing may be sent
            await send({"type": "websocket.close", "code": 1013, "reason": "too many requests or connections"})
            return
        await receive()
    await response(scope, receive, send)
