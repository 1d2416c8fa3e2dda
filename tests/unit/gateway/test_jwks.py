"""The key set over HTTP: read by everybody, never a fault, kept for a minute."""

from typing import Any, cast

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette

from aiops_common.postgres import Pool
from aiops_gateway.auth import TokenVerifier
from aiops_gateway.jwks import JWKS_PATH, jwks_route
from aiops_gateway.service.viewers import Viewers
from unit.gateway.signing import AUDIENCE, ISSUER
from unit.gateway.test_signing_keys import Database


def client(database: Database, listening: bool = True) -> AsyncClient:
    verifier = TokenVerifier(issuer=ISSUER, audience=AUDIENCE)
    viewers = Viewers(cast(Pool, database), verifier, listening=lambda: listening)
    transport: Any = ASGITransport(app=Starlette(routes=[jwks_route(viewers)]))
    return AsyncClient(transport=transport, base_url="http://gateway")


async def test_the_keys_are_there_for_everybody() -> None:
    async with client(Database(["b", "a"])) as http:
        answer = await http.get(JWKS_PATH)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/jwk-set+json")
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert [(key["kid"], key["kty"], key["crv"], len(key["x"])) for key in answer.json()["keys"]] == [
        ("a", "EC", "P-256", 43),
        ("b", "EC", "P-256", 43),
    ]


async def test_without_keys_the_set_is_empty_and_nobody_keeps_it() -> None:
    for database in (Database(), Database(["a"], is_away=True)):
        async with client(database) as http:
            answer = await http.get(JWKS_PATH)
        assert (answer.status_code, answer.json()) == (200, {"keys": []})
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("POST", 405), ("PUT", 405), ("DELETE", 405), ("PATCH", 405), ("TRACE", 405)]
)
async def test_the_set_is_only_read(method: str, status: int) -> None:
    async with client(Database(["a"])) as http:
        answer = await http.request(method, JWKS_PATH, content=b"{}")
    assert answer.status_code == status
    if method == "HEAD":
        assert answer.content == b""


async def test_while_changes_cannot_be_heard_of_the_keys_are_read_each_time() -> None:
    database = Database(["old"])
    async with client(database, listening=False) as http:
        await http.get(JWKS_PATH)
        database.kids = ["new"]
        answer = await http.get(JWKS_PATH)
    assert [key["kid"] for key in answer.json()["keys"]] == ["new"]
