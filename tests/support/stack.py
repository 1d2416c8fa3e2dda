"""The whole stack, started as `make up` starts it, in a state directory of its own."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import aio_pika
import httpx
import pytest

from aiops_local.processes import Command
from aiops_local.readiness import accepts_connections, answers_http, wait_until
from aiops_local.services import LLM
from aiops_local.stack import Stack
from support.graphql import GraphqlClient, Json
from support.limits import UNTHROTTLED
from support.servers import ROOT, private_port_mapper, state_directory

_READY_SECONDS = 60.0
_NOT_OURS = ("OPENAI_", "LLM_", "OTEL_", "GATEWAY_", "SUMMARIZER_", "TRIAGE_", "CHANGELOG_", "AUTH_")


@dataclass(frozen=True, slots=True)
class RunningStack:
    """A stack that is up; ``environment`` is what stack.env holds."""

    stack: Stack
    environment: dict[str, str]

    @property
    def visitor(self) -> GraphqlClient:
        """The API, with nobody logged in."""
        return GraphqlClient(self.environment["GRAPHQL_URL"])

    @property
    def amqp_url(self) -> str:
        """The broker, as administrator."""
        return self.environment["AMQP_URL"]

    async def ready(self, service: str) -> tuple[int, Json]:
        """Status and body of a service's /readyz."""
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            response = await http.get(f"{self.stack.services.url(service)}/readyz")
            return response.status_code, response.json()

    async def kill(self, *services: str) -> None:
        """SIGKILL services."""
        for name in services:
            await asyncio.to_thread(self.stack.processes.stop, name, force=True)

    async def serve(
        self, *services: str, scripted_llm: bool = False, environment: Mapping[str, str] | None = None
    ) -> None:
        """(Re)start services and wait until they are ready; with ``scripted_llm`` they ask the scripted model.

        ``environment`` is what they get on top of their usual settings, until they are started again without.
        """
        usual = [self.stack.services.serve(name, scripted_llm=scripted_llm) for name in services]
        commands = [replace(one, environment={**one.environment, **(environment or {})}) for one in usual]
        if scripted_llm:
            commands.insert(0, self.stack.services.scripted_llm())
        await asyncio.to_thread(self._start, commands)

    def _start(self, commands: list[Command]) -> None:
        with ThreadPoolExecutor() as pool:  # one that ends takes as long as all of them
            list(pool.map(self.stack.processes.stop, [command.name for command in commands]))
        for command in commands:
            self.stack.processes.start(command)
        ready = {command.name: partial(self._is_ready, command.name) for command in commands}
        wait_until(ready, _READY_SECONDS, self.stack.processes.check)

    def _is_ready(self, name: str) -> bool:
        if name == LLM:
            return accepts_connections(self.stack.services.ports[name])
        return answers_http(f"{self.stack.services.url(name)}/readyz")

    async def lengths(self, *queues: str) -> dict[str, int]:
        """How many messages are waiting in each queue."""
        connection = await aio_pika.connect(self.amqp_url)
        async with connection:
            channel = await connection.channel()
            declared = [await channel.declare_queue(queue, passive=True) for queue in queues]
            return {queue.name: queue.declaration_result.message_count or 0 for queue in declared}

    def spans(self) -> list[Json]:
        """Every span that was written so far."""
        traces = self.stack.layout.traces
        # The last line may be half written at this moment.
        return [json.loads(line) for line in traces.read_text().splitlines(keepends=True) if line.endswith("\n")]


@contextmanager
def running_stack(*, traced: bool = False, prepare: Callable[[Stack], None] = lambda _: None) -> Iterator[RunningStack]:
    """A stack with everything in a temporary directory, gone afterwards; ``traced`` with a Jaeger, if there is one.

    ``prepare`` comes before anything is started.
    """
    private_port_mapper()
    with state_directory() as state, pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(_NOT_OURS):
                patch.delenv(name)
        # Tests may take longer than the ten minutes that an access token is good for.
        patch.setenv("AUTH_ACCESS_TOKEN_SECONDS", "3600")
        for name, value in UNTHROTTLED.items():
            patch.setenv(name, value)
        stack = Stack(ROOT, state)
        try:
            prepare(stack)
            yield RunningStack(stack, stack.up(traced=traced))
        finally:
            stack.clean()
