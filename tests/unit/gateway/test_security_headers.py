"""Headers that tell browsers what they may do with an answer."""

from collections.abc import Callable

import httpx
import pytest
from pydantic import SecretStr, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from aiops_gateway.headers import ALWAYS, SecurityHeaders
from aiops_gateway.settings import GatewaySettings
from support.content_keys import content_keys

HTTPS = "max-age=31536000"


async def answer(app: ASGIApp, *, scheme: str = "http") -> httpx.Response:
    transport = httpx.ASGITransport(SecurityHeaders(app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://gateway.test") as http:
        return await http.get("/")


def app(answering: Callable[[Request], Response]) -> ASGIApp:
    return Starlette(routes=[Route("/", answering)])


async def test_every_header_is_there_once() -> None:
    got = await answer(app(lambda _request: PlainTextResponse("ok")))
    for name, value in ALWAYS.items():
        assert got.headers.get_list(name.decode()) == [value.decode()]


async def test_what_the_application_says_itself_stands() -> None:
    own = {"Cache-Control": "public, max-age=60", "Content-Security-Policy": "default-src 'self'"}
    got = await answer(app(lambda _request: PlainTextResponse("ok", headers=own)))
    for name, value in own.items():
        assert got.headers.get_list(name) == [value]


async def test_an_answer_to_a_fault_has_them_too() -> None:
    def broken(_request: Request) -> Response:
        raise RuntimeError("broken")

    got = await answer(app(broken))
    assert (got.status_code, got.headers["x-content-type-options"]) == (500, "nosniff")


@pytest.mark.parametrize(("scheme", "told"), [("http", []), ("https", [HTTPS])])
async def test_only_over_https_a_browser_is_told_to_stay_there(scheme: str, told: list[str]) -> None:
    got = await answer(app(lambda _request: PlainTextResponse("ok")), scheme=scheme)
    assert got.headers.get_list("strict-transport-security") == told


async def test_who_is_further_inside_may_know_that_it_was_https() -> None:
    async def behind_a_proxy(scope: Scope, receive: Receive, send: Send) -> None:
        scope["scheme"] = "https"
        await PlainTextResponse("ok")(scope, receive, send)

    assert (await answer(behind_a_proxy)).headers["strict-transport-security"] == HTTPS


def settings(**values: object) -> GatewaySettings:
    required = {"database_url": SecretStr("postgresql://x"), "amqp_url": SecretStr("amqp://x")}
    return GatewaySettings.model_validate({**required, "content_keys": SecretStr(content_keys()), **values})


@pytest.mark.parametrize("name", ["cors_origins", "websocket_origins"])
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://console.example", "https://console.example"),
        ("https://console.example:443", "https://console.example"),
        ("http://localhost:5173", "http://localhost:5173"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_origin_is_as_browsers_send_it(name: str, given: str, kept: str) -> None:
    assert getattr(settings(**{name: [given]}), name) == (kept,)


@pytest.mark.parametrize("name", ["cors_origins", "websocket_origins"])
@pytest.mark.parametrize(
    "given", ["*", "null", "console.example", "https://console.example/", "https://*.example", "HTTPS://A", "ftp://a"]
)
def test_what_is_no_origin_is_refused_by_its_name(name: str, given: str) -> None:
    with pytest.raises(ValidationError, match="is no origin"):
        settings(**{name: [given]})
