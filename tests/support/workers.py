"""Processes of triage that a test starts and ends one by one, and the scripted model that they ask."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from aiops_local.processes import Command
from aiops_local.services import LLM
from support.eventually import eventually
from support.graphql import Json
from support.stack import RunningStack

TRIAGE = "triage"
START_SECONDS = 60.0


def worker(stack: RunningStack, name: str = TRIAGE, *, model: bool = True, **environment: str) -> Command:
    """The command of a process of triage; one of another name is a replica. With ``model`` it asks the scripted one."""
    plain = stack.stack.services.serve(TRIAGE, scripted_llm=model)
    every = {"TRIAGE_LLM_FOR": "all", "TRIAGE_PORT": str(stack.stack.services.ports[name])}
    own = {**plain.environment, **every, **environment}
    return replace(plain, name=name, environment=own)


def program(command: Command, script: Path) -> Command:
    """As ``command``, but another program in its place."""
    return replace(command, argv=(sys.executable, str(script)))


async def start(stack: RunningStack, command: Command) -> None:
    """Start a process, in place of the one of its name, and wait until it consumes."""
    await asyncio.to_thread(stack.stack.processes.start, command)

    async def consumes() -> bool:
        stack.stack.processes.check(command.name)
        try:
            return (await stack.ready(command.name))[0] == httpx.codes.OK
        except httpx.HTTPError:
            return False

    await eventually(consumes, seconds=START_SECONDS, every=0.1)


async def stop(stack: RunningStack, name: str = TRIAGE) -> None:
    """SIGTERM, and wait for the end."""
    await asyncio.to_thread(stack.stack.processes.stop, name)


@asynccontextmanager
async def replica(stack: RunningStack, name: str, **environment: str) -> AsyncIterator[None]:
    """One more process of triage, gone afterwards."""
    try:
        await start(stack, worker(stack, name, model=True, **environment))
        yield
    finally:
        await stop(stack, name)


@dataclass(frozen=True, slots=True)
class ScriptedModel:
    """The scripted model of a stack, by its address."""

    url: str

    async def play(self, *steps: Json) -> None:
        """Play this script from now on, and forget what was asked so far."""
        async with self._client() as http:
            (await http.post("/script", json={"steps": steps})).raise_for_status()
            (await http.delete("/requests")).raise_for_status()

    async def asked(self) -> int:
        """How many answers were asked for since the script began."""
        async with self._client() as http:
            return int((await http.get("/requests")).json()["count"])

    async def asked_at_least(self, count: int) -> None:
        """Wait until so many answers were asked for."""

        async def look() -> bool:
            return await self.asked() >= count

        await eventually(look)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(base_url=self.url, timeout=10, trust_env=False) as http:
            yield http


@asynccontextmanager
async def scripted_model(stack: RunningStack) -> AsyncIterator[ScriptedModel]:
    """The scripted model, and a triage that asks it; afterwards the triage of the stack again, without one."""
    try:
        await stack.serve(TRIAGE, scripted_llm=True, environment={"TRIAGE_LLM_FOR": "all"})
        yield ScriptedModel(f"http://127.0.0.1:{stack.stack.services.ports[LLM]}")
    finally:
        with contextlib.suppress(AssertionError):  # whether it came back is for the next test to find out
            await start(stack, worker(stack, model=False))
        await stop(stack, LLM)
