"""GraphiQL: what was built is served under a policy that lets it load nothing from elsewhere."""

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from aiops_gateway import graphiql
from aiops_gateway.headers import SecurityHeaders


async def get(built: Path, path: str) -> httpx.Response:
    app = SecurityHeaders(Starlette(routes=graphiql.routes(built)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway.test") as http:
        return await http.get(path)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    directory = tmp_path / "dist"
    (directory / "parts").mkdir(parents=True)
    (directory / "index.html").write_text("<!doctype html>")
    (directory / "page.js").write_text("1;")
    (directory / "parts" / "chunk.js").write_text("2;")
    (tmp_path / "secret").write_text("secret")
    (directory / "link").symlink_to(tmp_path / "secret")
    return directory


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/graphiql", "text/html"), ("/graphiql/page.js", "javascript"), ("/graphiql/parts/chunk.js", "javascript")],
)
async def test_what_was_built_is_served(built: Path, path: str, kind: str) -> None:
    answer = await get(built, path)
    assert answer.status_code == 200
    assert kind in answer.headers["content-type"]
    (policy,) = answer.headers.get_list("content-security-policy")
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert (rules["default-src"], rules["script-src"], rules["frame-ancestors"]) == ("'none'", "'self'", "'none'")
    assert "http" not in policy
    assert "unsafe-eval" not in policy


@pytest.mark.parametrize(
    "path",
    [
        "/graphiql/none.js",
        "/graphiql/../secret",
        "/graphiql/%2e%2e/secret",
        "/graphiql/link",
        "/graphiql//etc/passwd",
        "/graphiql/parts",
    ],
)
async def test_nothing_else_is_served(built: Path, path: str) -> None:
    answer = await get(built, path)
    assert answer.status_code == 404
    assert "secret" not in answer.text


async def test_where_it_was_not_built_the_page_says_how_to(tmp_path: Path) -> None:
    answer = await get(tmp_path / "none", "/graphiql")
    assert answer.status_code == 503
    assert "make graphiql" in answer.text
    assert (await get(tmp_path / "none", "/graphiql/page.js")).status_code == 404


async def test_it_is_served_as_soon_as_it_is_built(tmp_path: Path) -> None:
    app = SecurityHeaders(Starlette(routes=graphiql.routes(tmp_path / "dist")))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway.test") as http:
        assert (await http.get("/graphiql")).status_code == 503
        (tmp_path / "dist").mkdir()
        (tmp_path / "dist" / "index.html").write_text("<!doctype html>")
        assert (await http.get("/graphiql")).status_code == 200
