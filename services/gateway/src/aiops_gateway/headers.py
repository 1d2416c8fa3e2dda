"""Headers that tell browsers to do as little as possible with an answer of an API.

Source: https://owasp.org/www-project-secure-headers/
"""

from collections.abc import Mapping, Sequence
from typing import Final

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALWAYS: Final[Mapping[bytes, bytes]] = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
    b"cache-control": b"no-store",
}
"""On every answer that does not say otherwise itself."""

TRANSPORT: Final = (b"strict-transport-security", b"max-age=31536000")
"""Only where the request came by https: as the connection has it, or a proxy that is trusted."""


class SecurityHeaders:
    """Adds the headers to what the application answers over HTTP; a stream passes as it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._plain = tuple(ALWAYS.items())
        self._encrypted = (*self._plain, TRANSPORT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Looked at now: who is further inside may have believed a proxy, and changed it.
                wanted = self._encrypted if scope["scheme"] == "https" else self._plain
                headers = list(message.get("headers", ()))
                there = {name.lower() for name, _ in headers}
                headers.extend(header for header in wanted if header[0] not in there)
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_with_headers)


def cross_origin(origins: Sequence[str]) -> Middleware:
    """Lets pages of ``origins`` call the API with a token that they have; cookies are never asked for.

    It belongs around the limits, so that a page can read what they refuse.
    """
    return Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=("GET", "POST"),
        allow_headers=("Authorization", "Traceparent", "Tracestate"),
        expose_headers=("Retry-After",),
        allow_credentials=False,
    )
