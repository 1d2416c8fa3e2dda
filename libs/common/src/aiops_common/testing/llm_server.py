"""A scripted server of the OpenAI chat completions API, for development without a model and for tests of failures.

    python -m aiops_common.testing.llm_server --port 8089 [--script script.json]

``POST /v1/chat/completions`` and ``GET /v1/models`` as OpenAI has them. ``POST /script`` takes a ``Script`` as JSON and
starts it anew, ``GET /requests`` tells ``{"count": n, "requests": [bodies]}``, ``DELETE /requests`` forgets them.
"""

import asyncio
import json
import socket
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Self

import typer
import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from aiops_common.testing.llm_answers import spoken
from aiops_common.testing.llm_script import Broken, Delay, Drip, Script, Status, Step

_KEPT_REQUESTS = 1_000
_REFUSAL = "I can't help with that."


class ScriptedServer:
    """The application and what it has seen. ``app`` is an ASGI application."""

    def __init__(self, script: Script | None = None) -> None:
        self.closing = asyncio.Event()
        self.arrived = asyncio.Condition()
        self.count = 0
        self.requests: deque[dict[str, Any]] = deque(maxlen=_KEPT_REQUESTS)
        self.start(script or Script())
        self.app = Starlette(
            routes=[
                Route("/v1/chat/completions", self._complete, methods=["POST"]),
                Route("/v1/models", self._models),
                Route("/script", self._start, methods=["POST"]),
                Route("/requests", self._requests, methods=["GET", "DELETE"]),
            ]
        )

    def start(self, script: Script) -> None:
        """Play ``script`` from its first step."""
        self._script = script
        self._playing = script.play()

    async def _complete(self, request: Request) -> Response:
        try:
            body = await request.json()
        except ValueError:
            return _error(400, "the body is no JSON")
        self.count += 1
        self.requests.append(body)
        async with self.arrived:
            self.arrived.notify_all()
        key = self._script.api_key
        if key is not None and request.headers.get("authorization") != f"Bearer {key}":
            return _error(401, "another key")
        step = self._playing.next(str(body.get("model", "")))
        if isinstance(step, Delay):
            await self._pause(step.seconds)
        return self._response(body, step)

    def _response(self, body: dict[str, Any], step: Step) -> Response:
        match step:
            case Status():
                headers = {"retry-after": step.retry_after} if step.retry_after is not None else None
                return _error(step.status, "scripted", headers)
            case Broken(kind="garbage"):
                return Response(b"\x00\xff{not json", media_type="application/json")
            case Broken(kind="html"):
                return Response("<html><body>Please come back later</body></html>", media_type="text/html")
            case Broken(kind="empty"):
                return JSONResponse({"id": "scripted", "object": "chat.completion"})
        content = json.dumps(self._completion(body, step)).encode()
        if isinstance(step, Drip):
            return StreamingResponse(self._dripping(content, step.interval), media_type="application/json")
        return Response(content, media_type="application/json")

    def _completion(self, body: dict[str, Any], step: Step) -> dict[str, Any]:
        prompt = "\n".join(str(message.get("content", "")) for message in body.get("messages", []))
        text = self.text_of(body, step)
        refused = isinstance(step, Broken) and step.kind == "refusal"
        return {
            "id": f"scripted-{self.count}",
            "object": "chat.completion",
            "created": 0,
            "model": body.get("model", "scripted"),
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "length" if isinstance(step, Broken) and step.kind == "length" else "stop",
                    "message": {
                        "role": "assistant",
                        "content": None if refused else text,
                        "refusal": _REFUSAL if refused else None,
                    },
                }
            ],
            "usage": {
                "prompt_tokens": len(prompt) // 4 + 1,
                "completion_tokens": len(text) // 4 + 1,
                "total_tokens": (len(prompt) + len(text)) // 4 + 2,
            },
        }

    def text_of(self, body: dict[str, Any], step: Step) -> str:
        """What the model says at ``step`` to the request ``body``."""
        form = (body.get("response_format") or {}).get("json_schema") or {}
        return spoken(step, self._script, str(form.get("name", "")), form.get("schema") or {}, _question(body))

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not into the server's end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.closing.wait(), seconds)

    async def _dripping(self, content: bytes, interval: float) -> AsyncIterator[bytes]:
        for position in range(len(content)):
            yield content[position : position + 1]
            await self._pause(interval)

    async def _models(self, _: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "scripted", "object": "model", "owned_by": "scripted"}]})

    async def _start(self, request: Request) -> Response:
        try:
            self.start(Script.model_validate_json(await request.body()))
        except ValidationError as error:
            return PlainTextResponse(str(error), status_code=422)
        return JSONResponse({"started": True})

    async def _requests(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.count = 0
            self.requests.clear()
        return JSONResponse({"count": self.count, "requests": list(self.requests)})


def _question(body: dict[str, Any]) -> str:
    """The first message of the user: what comes later is talk about the form of the answer."""
    asked = (message.get("content", "") for message in body.get("messages", []) if message.get("role") == "user")
    return str(next(asked, ""))


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": {"message": message, "type": "scripted"}}, status_code=status, headers=headers)


class _QuietServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signal handlers of the process that this server is a guest of."""
        yield


class ScriptedLLM:
    """``ScriptedServer`` on a free port of this machine, inside the running event loop.

    async with ScriptedLLM(Script(steps=(Status(status=500),))) as llm: ask llm.base_url, look at llm.count.
    """

    def __init__(self, script: Script | None = None) -> None:
        self._scripted = ScriptedServer(script)
        config = uvicorn.Config(self._scripted.app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        self._server = _QuietServer(config)
        self.base_url = ""

    @property
    def count(self) -> int:
        """How many completions were asked for."""
        return self._scripted.count

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The bodies of those requests."""
        return list(self._scripted.requests)

    def start(self, script: Script) -> None:
        """Play another script from its first step."""
        self._scripted.start(script)

    async def asked(self, count: int) -> None:
        """Wait until ``count`` completions were asked for."""
        async with self._scripted.arrived:
            await self._scripted.arrived.wait_for(lambda: self.count >= count)

    async def __aenter__(self) -> Self:
        listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._scripted.closing.set()
        self._server.should_exit = True
        self._server.force_exit = True
        await self._task


def main(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8089,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    script: Annotated[Path | None, typer.Option(help="File with a script as JSON.")] = None,
) -> None:
    """Answer as an OpenAI-compatible server would, by script."""
    played = Script.model_validate_json(script.read_bytes()) if script else Script()
    uvicorn.run(ScriptedServer(played).app, host=host, port=port, log_level="warning")


if __name__ == "__main__":
    typer.run(main)
