"""The scripts beside this file, in which other people's clients speak to the gateway."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_SECONDS = 30.0
_HERE = Path(__file__).parent


class Script:
    """A script that runs: it tells what happens to it in lines of JSON, and takes orders in lines of text."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.told: list[Json] = []

    async def next(self, event: str) -> Json:
        """The next event of that name; those before it are passed over, and kept in ``told``."""
        async with asyncio.timeout(_SECONDS):
            while (line := await self._line()) is not None:
                self.told.append(line)
                if line["event"] == event:
                    return line
        raise AssertionError(f"the script ended without {event}; it told {self.told}")

    async def order(self, word: str) -> None:
        """Have the script do something."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        await self._process.stdin.drain()

    async def _line(self) -> Json | None:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        told: Json | None = json.loads(line) if line else None
        return told


@asynccontextmanager
async def running(name: str, **options: object) -> AsyncIterator[Script]:
    """The script ``name`` with its options, until the end of the context."""
    process = await asyncio.create_subprocess_exec(
        "node", str(_HERE / name), json.dumps(options), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Script(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def result(name: str, **options: object) -> Any:
    """What a script writes that only reports in the end."""
    async with running(name, **options) as script, asyncio.timeout(_SECONDS):
        return (await script.next("result"))["result"]
