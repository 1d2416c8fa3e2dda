"""What an orchestrator asks a process: is it alive, is it ready, how is it doing."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from aiops_common.lifecycle import Component, running
from aiops_common.single_flight import SingleFlight

Check = Callable[[], Awaitable[str | None]]
"""Returns None when all is well, else what is wrong, in words for an operator."""

CHECK_SECONDS = 3.0

KEPT_SECONDS = 1.0
"""How long ``/readyz`` says the same: anybody may ask for it, as often as they like."""

COLLECTED = (20_000, 20, 50)
"""When a process that serves collects garbage, as ``gc.set_threshold`` takes it.

Python's own 700 new objects are fewer than one request with its spans holds at a time, so each collection finds little
and ages what is about to be let go: about a tenth of the CPU of the process that answers clients, as measured with
benchmarks/pipeline.py. What is in cycles waits for at most 20,000 more objects, a few megabytes.
"""


def health_routes(required: Mapping[str, Check], informative: Mapping[str, Check] | None = None) -> list[BaseRoute]:
    """``/livez`` (the process answers), ``/readyz`` (every required check passes) and ``/metrics`` (Prometheus).

    Informative checks are shown by ``/readyz`` but never make it fail. Whoever accepts OpenMetrics is told the metrics
    in that format, and with them exemplars, which lead to traces.
    """

    async def livez(_request: Request) -> Response:
        return PlainTextResponse("ok")

    look = _Look(required, informative or {})
    told = SingleFlight[bytes]()

    async def readyz(_request: Request) -> Response:
        seen = await look.lately()
        return JSONResponse({"ready": seen.ready, "checks": seen.shown}, status_code=200 if seen.ready else 503)

    async def metrics(request: Request) -> Response:
        encode, media_type = _encoder(request.headers.get("accept", ""))
        # In a thread, since it takes tens of milliseconds; once for all who ask meanwhile.
        text = await told.do(media_type, lambda: asyncio.to_thread(encode, REGISTRY))
        return Response(text, headers={"content-type": media_type})

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]


def _encoder(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    try:
        return choose_encoder(accept)
    except Exception:  # it parses what anybody may send, and stumbles over versions that are none
        return choose_encoder("")


@dataclass(frozen=True, slots=True)
class _Seen:
    ready: bool
    shown: dict[str, str]
    at: float


class _Look:
    """What the checks say; they run once for all who ask within a moment, since each may take a connection."""

    def __init__(self, required: Mapping[str, Check], informative: Mapping[str, Check]) -> None:
        self._required = required
        self._informative = informative
        self._flight = SingleFlight[_Seen]()
        self._seen: _Seen | None = None

    async def lately(self) -> _Seen:
        if self._seen is not None and time.monotonic() - self._seen.at < KEPT_SECONDS:
            return self._seen
        return await self._flight.do("checks", self._now)

    async def _now(self) -> _Seen:
        problems = await _run(self._required)
        notes = await _run(self._informative)
        shown = {name: problem or "ok" for name, problem in {**problems, **notes}.items()}
        self._seen = _Seen(not any(problems.values()), shown, time.monotonic())
        return self._seen


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
            before = gc.get_threshold()
            gc.set_threshold(*COLLECTED)
            yield
            gc.set_threshold(*before)

    return Starlette(routes=list(routes), middleware=list(middleware), lifespan=lifespan)
