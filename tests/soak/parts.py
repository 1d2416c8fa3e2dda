"""The parts of a running stack: how each is taken away and brought back. All of it blocks; call it in threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import psutil
import psycopg

from aiops_local.choices import is_free
from aiops_local.processes import Command
from aiops_local.readiness import answers_http, wait_until
from aiops_local.stack import Stack
from soak.schedule import PARTS, POSTGRES, RABBITMQ, SERVICE_PARTS, Action
from support.freezing import freeze, thaw

_READY_SECONDS = 90.0


class Parts:
    """Every process of the stack; a replica is the same service under another name and on another port."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._urls = {name: stack.services.url(name) for name in SERVICE_PARTS}
        self._frozen: dict[str, list[psutil.Process]] = {}

    def url(self, part: str) -> str:
        """The present address of a service's process."""
        return self._urls[part]

    def pid(self, part: str) -> int | None:
        """Its pid, None when it does not run."""
        process = self._stack.processes.running(part)
        return process.pid if process else None

    def last_lines(self, part: str, count: int) -> str:
        """The end of its log."""
        return self._stack.processes.last_lines(part, count)

    def take(self, part: str, action: Action) -> None:
        """Take the part away; after SIGTERM, return when it has ended."""
        if action is Action.FREEZE:
            self._freeze(part)
        elif action is Action.STOP:
            self._stack.processes.stop(part)
        elif part == POSTGRES:
            self._stack.postgres.kill()
        elif part == RABBITMQ:
            self._stack.rabbitmq.kill()
        else:
            self._stack.processes.stop(part, force=True)

    def bring_back(self, part: str) -> None:
        """Let the part run again; of the servers, wait until they answer.

        A service is not waited for: it cannot be ready while a server is away. Raises ProcessFailed or NotReady.
        """
        if part in self._frozen:
            self.thaw(part)
        elif part == POSTGRES:
            self._stack.postgres.start()
        elif part == RABBITMQ:
            self._stack.rabbitmq.start()
        else:
            self._start_service(part)

    def wait_until_ready(self) -> None:
        """Raises NotReady or ProcessFailed."""
        ready = {name: partial(answers_http, f"{self.url(name)}/readyz") for name in SERVICE_PARTS}
        wait_until(ready, _READY_SECONDS, self._stack.processes.check)

    def _start_service(self, part: str) -> None:
        # Ended first, so that a port that is not free then is somebody else's by now.
        self._stack.processes.stop(part)
        if not is_free(self._stack.services.ports[part]):
            self._stack.services.ports.replace(part)
        self._urls[part] = self._stack.services.url(part)
        self._stack.processes.start(_command(self._stack, part))

    def thaw(self, part: str) -> None:
        """Let the part go on if it is frozen."""
        thaw(self._frozen.pop(part, []))

    def _freeze(self, part: str) -> None:
        process = self._stack.processes.running(part)
        if process is None:
            return
        self._frozen[part] = freeze(process)


def keep_commit_times(stack: Stack) -> None:
    """Let PostgreSQL remember when each row was committed, before the stack is up: latencies are measured by that."""
    stack.postgres.start()
    with psycopg.connect(stack.postgres.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    stack.postgres.stop()


@contextmanager
def replicas(parts: Parts) -> Iterator[None]:
    """Start the parts that `make up` does not start, and let everything go on at the end so that it can be ended."""
    try:
        for name in SERVICE_PARTS:
            if parts.pid(name) is None:
                parts.bring_back(name)
        parts.wait_until_ready()
        yield
    finally:
        for name in PARTS:
            parts.thaw(name)


def _command(stack: Stack, name: str) -> Command:
    service = name.partition("-")[0]
    command = stack.services.serve(service, scripted_llm=False)
    port = {f"{service.upper()}_PORT": str(stack.services.ports[name])}
    return replace(command, name=name, environment={**command.environment, **port})
