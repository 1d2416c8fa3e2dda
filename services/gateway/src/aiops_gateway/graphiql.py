"""GraphiQL, for development: the page and its files as `make graphiql` made them; nothing comes from elsewhere."""

from os import PathLike, stat_result
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from typing_extensions import override

PATH: Final = "/graphiql"

BUILT: Final = Path(__file__).parents[2] / "graphiql" / "dist"
"""In a checkout; an installation has no such folder, and no use for it."""

_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # the editor places its lines with style attributes
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}

_HOW_TO_BUILD: Final = """\
GraphiQL is switched on (GATEWAY_DEVELOPMENT), but was not built: run `make graphiql` in the checkout, then load this
page again.
"""


class _Files(StaticFiles):
    @override
    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(_HEADERS)
        return response

    @override
    async def check_config(self) -> None:
        """Nothing: the files may be made while the gateway runs."""


def routes(built: Path = BUILT) -> list[BaseRoute]:
    """The page at ``PATH`` and, below it, what the page loads from ``built``."""

    async def page(_request: Request) -> Response:
        index = built / "index.html"
        if not index.is_file():
            return PlainTextResponse(_HOW_TO_BUILD, status_code=503, headers={"Cache-Control": "no-store"})
        return FileResponse(index, headers=_HEADERS)

    return [Route(PATH, page), Mount(PATH, _Files(directory=built, check_dir=False))]
