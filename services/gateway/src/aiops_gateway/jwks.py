"""The public signing keys over HTTP, for those who verify access tokens themselves (RFC 7517, section 5)."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aiops_gateway.service.viewers import Viewers

JWKS_PATH = "/.well-known/jwks.json"

# Whoever keeps the answer for a minute knows a new key long before it signs (AUTH_KEY_LEAD_SECONDS).
_KEPT = {"Cache-Control": "public, max-age=60"}
_NOT_KEPT = {"Cache-Control": "no-store"}


def jwks_route(viewers: Viewers) -> Route:
    """``GET`` and ``HEAD`` only. While no key can be read the set is empty, and nobody keeps that answer."""

    async def jwks(_request: Request) -> Response:
        published = await viewers.published_keys()
        headers = _KEPT if published else _NOT_KEPT
        return JSONResponse({"keys": published}, headers=headers, media_type="application/jwk-set+json")

    return Route(JWKS_PATH, jwks, methods=["GET"])
