"""What an orchestrator asks a process: is it alive, is it ready, how is it doing."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from aiops_common.lifecycle import Component, running

Check = Callable[[], Awaitable[str | None]]
"""Returns None when all is well, else what is wrong, in words for an operator."""

CHECK_SECONDS = 3.0


def health_routes(required: Mapping[str, Check], informative: Mapping[str, Check] | None = None) -> list[BaseRoute]:
    """``/livez`` (the process answers), ``/readyz`` (every required check passes) and ``/metrics`` (Prometheus).

    Informative checks are shown by ``/readyz`` but never make it fail.
    """

    async def livez(_request: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(_request: Request) -> Response:
        problems = await _run(required)
        notes = await _run(informative or {})
        ready = not any(problems.values())
        shown = {name: problem or "ok" for name, problem in {**problems, **notes}.items()}
        return JSONResponse({"ready": ready, "checks": shown}, status_code=200 if ready else 503)

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]


async def _run(checks: Mapping[str, Check]) -> dict[str, str | None]:
    results = await asyncio.gather(*(_guarded(check) for check in checks.values()))
    return dict(zip(checks, results, strict=True))


async def _guarded(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except Exception as error:  # a check that breaks is itself the answer
        return f"{type(error).__name__}: no answer" if isinstance(error, TimeoutError) else str(error)


def component_app(
    routes: Sequence[BaseRoute], components: Sequence[Component], middleware: Sequence[Middleware] = ()
) -> Starlette:
    """A Starlette application whose lifespan is that of ``components``."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with running(components):
            # What was made until now stays: without it in the way, a full collection takes no longer than a request.
            gc.collect()
            gc.freeze()
            yield

    return Starlette(routes=list(routes), middleware=list(middleware), lifespan=lifespan)
