"""What answers tell browsers, and which pages may call the API."""

from collections.abc import AsyncIterator

import httpx
import pytest

from aiops_common.postgres import Pool
from conformity.conftest import ORIGIN
from support.lone_gateway import LoneGateway, lone_gateway

QUERY = {"query": "{ __typename }"}
EVIL = "https://evil.example"
PATHS = ["/graphql", "/graphql?query={__typename}", "/livez", "/readyz", "/.well-known/jwks.json", "/graphiql", "/no"]


@pytest.fixture
async def http(gateway: LoneGateway) -> AsyncIterator[httpx.AsyncClient]:
    root = gateway.url.removesuffix("/graphql")
    async with httpx.AsyncClient(base_url=root, timeout=20, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_is_locked_down(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "camera=()" in answer.headers["permissions-policy"]
    assert answer.headers["cache-control"]
    for unwanted in ("server", "set-cookie", "x-powered-by", "strict-transport-security"):
        assert unwanted not in answer.headers


@pytest.mark.parametrize("path", ["/graphql?query={__typename}", "/readyz"])
async def test_answers_are_kept_nowhere(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).headers["cache-control"] == "no-store"


async def test_a_stream_is_kept_nowhere_and_locked_down(http: httpx.AsyncClient) -> None:
    answer = await http.post("/graphql", json=QUERY, headers={"Accept": "text/event-stream"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers.get_list("cache-control") == ["no-store, no-transform"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_refused_body_is_locked_down(http: httpx.AsyncClient) -> None:
    answer = await http.post("/graphql", content=b"x" * (9 * 1024 * 1024))
    assert answer.status_code == 413
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_cookies_are_neither_looked_at_nor_set(http: httpx.AsyncClient, gateway: LoneGateway) -> None:
    token = gateway.client(await gateway.sign_up()).token
    for name in ("Authorization", "authorization", "token", "access_token", "session"):
        for value in (f"{token}", f"Bearer {token}"):
            answer = await http.post("/graphql", json={"query": "{ me { id } }"}, headers={"Cookie": f"{name}={value}"})
            assert answer.json().get("data") in (None, {"me": None})
            assert "set-cookie" not in answer.headers


async def test_pages_of_other_origins_may_not_read_answers(http: httpx.AsyncClient) -> None:
    asked = {"Origin": EVIL, "Access-Control-Request-Method": "POST"}
    preflight = await http.options("/graphql", headers=asked)
    answer = await http.post("/graphql", json=QUERY, headers={"Origin": EVIL})
    assert preflight.status_code == 400
    for one in (preflight, answer):
        assert "access-control-allow-origin" not in one.headers
        assert "access-control-allow-credentials" not in one.headers


async def test_pages_of_a_named_origin_may_with_a_token_and_without_cookies(http: httpx.AsyncClient) -> None:
    wanted = "authorization, content-type"
    asked = {
        "Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": wanted,
    }  # fmt: skip
    preflight = await http.options("/graphql", headers=asked)
    answer = await http.post("/graphql", json=QUERY, headers={"Origin": ORIGIN})
    assert preflight.status_code == 200
    for one in (preflight, answer):
        assert one.headers["access-control-allow-origin"] == ORIGIN
        assert "access-control-allow-credentials" not in one.headers
        assert "Origin" in one.headers["vary"]


async def test_the_schema_page_is_not_there_in_production(http: httpx.AsyncClient) -> None:
    assert (await http.get("/graphiql")).status_code == 404
    assert (await http.get("/graphiql/page.js")).status_code == 404
    answer = await http.get("/graphql", headers={"Accept": "text/html"})
    assert answer.status_code == 400


async def test_without_a_setting_no_page_of_another_origin_may(
    pools: dict[str, Pool], service_database_urls: dict[str, str]
) -> None:
    async with lone_gateway(pools["gateway"], service_database_urls["gateway"]) as closed:
        asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
        async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
            preflight = await client.options(closed.url, headers=asked)
            answer = await client.post(closed.url, json=QUERY, headers={"Origin": ORIGIN})
    assert (preflight.status_code, answer.status_code) == (405, 200)
    for one in (preflight, answer):
        assert not [name for name in one.headers if name.startswith("access-control")]
