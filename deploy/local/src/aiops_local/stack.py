"""The whole stack: what runs, in which order it comes up, and how it goes down again."""

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aiops_local import epmd, jaeger, postgres, rabbitmq
from aiops_local.choices import is_free
from aiops_local.environment import write_env_file
from aiops_local.jaeger import JaegerServer
from aiops_local.layout import Layout
from aiops_local.postgres import PostgresServer
from aiops_local.process_tree import descendants, end, line, wait_until_reaped
from aiops_local.processes import Command, Processes, ProcessFailed
from aiops_local.rabbitmq import RabbitmqServer
from aiops_local.readiness import NotReady, accepts_connections, answers_http, wait_until
from aiops_local.services import LLM, SERVICES, Services

_SERVICE_SECONDS = 90.0
_TASK_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class State:
    """One line of `status`."""

    name: str
    pid: int | None
    ready: bool
    address: str
    uptime_seconds: float | None


class Stack:
    """PostgreSQL, RabbitMQ and every service of the checkout `root`, with all their files in `state_dir`."""

    def __init__(self, root: Path, state_dir: Path, say: Callable[[str], None] = lambda _: None) -> None:
        self.layout = Layout.of(state_dir)
        self.processes = Processes(self.layout)
        self.postgres = PostgresServer(state_dir)
        self.rabbitmq = RabbitmqServer(state_dir)
        self.jaeger = JaegerServer(state_dir)
        self.services = Services(root.resolve(), self.layout, self.postgres, self.rabbitmq, self.jaeger)
        self._say = say

    def up(self, *, scripted_llm: bool = False, traced: bool = True) -> dict[str, str]:
        """Start what is not running or was started otherwise, wait until all is ready; returns what stack.env holds.

        Where it is to be `traced` and this machine has a Jaeger, that runs too and gets the services' spans.
        Raises NotInstalled, ProcessFailed (something ended; carries the end of its log) or NotReady.
        """
        with self._locked():
            self._end_strays()
            if not scripted_llm:
                self.processes.stop(LLM)
            self._prepare_jaeger(traced)
            _together([partial(self._prepare_postgres, scripted_llm), self._prepare_rabbitmq])
            names = [*([LLM] if scripted_llm else []), *SERVICES]
            self._free_ports(names)
            environment = self.services.stack_env(scripted_llm=scripted_llm)
            write_env_file(self.layout.stack_env, environment)
            commands = [self.services.serve(name, scripted_llm=scripted_llm) for name in SERVICES]
            if scripted_llm:
                commands.insert(0, self.services.scripted_llm())
            with self._told("services ready"):
                self._serve(commands)
            return environment

    def down(self) -> None:
        """End everything that the stack started, in reverse order; the data stays."""
        with self._locked():
            ending = [process for one in self.processes.marked() for process in (one, *descendants(one))]
            servers = {postgres.NAME, rabbitmq.NAME, epmd.NAME}
            services = [name for name in self.processes.names() if name not in servers]
            with self._told("services stopped"):
                _together([partial(self.processes.stop, name) for name in services])
            with self._told("RabbitMQ and PostgreSQL stopped"):
                _together([self.rabbitmq.stop, self.postgres.stop])
            self._end_strays()
            # So that a list of processes made now shows none of them, not even as defunct.
            wait_until_reaped(ending, 3)

    def clean(self) -> None:
        """`down`, and remove what stands outside the state directory."""
        self.down()
        self.postgres.destroy()

    def status(self) -> list[State]:
        """How every part that should run does."""
        names = [*([LLM] if self.layout.pid_file(LLM).exists() else []), *SERVICES]
        traced = [self._state(jaeger.NAME, self.jaeger.ready, self.jaeger.url)] if self.jaeger.is_used else []
        states = [self._state(postgres.NAME, self.postgres.ready, f"127.0.0.1:{self.postgres.port}")]
        states.append(self._state(rabbitmq.NAME, self.rabbitmq.ready, f"127.0.0.1:{self.rabbitmq.port}"))
        states += [self._state(name, partial(self._ready, name), self.services.url(name)) for name in names]
        return states + traced

    def _state(self, name: str, ready: Callable[[], bool], address: str) -> State:
        process = self.processes.running(name)
        if process is None:
            return State(name, None, ready=False, address=address, uptime_seconds=None)
        return State(name, process.pid, ready(), address, time.time() - process.create_time())

    def _serve(self, commands: Iterable[Command]) -> None:
        names = []
        for command in commands:
            names.append(command.name)
            if not self.processes.is_current(command):
                self.processes.start(command)
        wait_until({name: partial(self._ready, name) for name in names}, _SERVICE_SECONDS, self.processes.check)

    def _serves(self, command: Command) -> bool:
        return self.processes.is_current(command) and self._ready(command.name)

    def _ready(self, name: str) -> bool:
        if name == LLM:
            return accepts_connections(self.services.ports[name])
        return answers_http(f"{self.services.url(name)}/readyz")

    def _free_ports(self, names: Iterable[str]) -> None:
        """Another port for what is not running if somebody else took its own meanwhile."""
        for name in names:
            if self.processes.running(name) is None and not is_free(self.services.ports[name]):
                self.services.ports.replace(name)

    def _end_strays(self) -> None:
        """End what an earlier run started and lost sight of, e.g. because its pid file was removed."""
        known = {process.pid for name in self.processes.names() if (process := self.processes.running(name))}
        strays = [process for process in self.processes.marked() if known.isdisjoint(line(process))]
        end(strays)

    def _prepare_postgres(self, scripted_llm: bool) -> None:
        with self._told("PostgreSQL ready"):
            self.postgres.start()
        with self._told("roles and schemas provisioned"):
            self.processes.run(self.services.provision_postgres(), _TASK_SECONDS)
        # One that runs the present code and is ready has found its schema up to date by itself.
        behind = [name for name in SERVICES if not self._serves(self.services.serve(name, scripted_llm=scripted_llm))]
        with self._told(f"schemas migrated: {', '.join(behind) or 'none had to be'}"):
            _together([partial(self.processes.run, self.services.migrate(name), _TASK_SECONDS) for name in behind])
        with self._told("histories protected"):
            self.processes.run(self.services.protect_postgres(), _TASK_SECONDS)

    def _prepare_jaeger(self, traced: bool) -> None:
        # Whoever names an endpoint has a collector already.
        if not traced or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
            self.jaeger.stop()
            return
        try:
            started = self.jaeger.start()
            self._say("Jaeger ready" if started else "no Jaeger on this machine; `make jaeger` builds one")
        except (ProcessFailed, NotReady) as error:
            self.jaeger.stop()
            self._say(f"going on without Jaeger: {error}")

    def _prepare_rabbitmq(self) -> None:
        with self._told("RabbitMQ ready"):
            self.rabbitmq.start()
        with self._told("queues and users provisioned"):
            self.processes.run(self.services.provision_rabbitmq(), _TASK_SECONDS)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._say(f"{what} ({time.monotonic() - began:.1f} s)")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Only one `up` or `down` at a time."""
        with self.layout.lock.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._say("waiting for another up or down of this stack to end")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _together(steps: list[Callable[[], None]]) -> None:
    """Take all steps at once, wait for all, raise the first one's error if any failed."""
    with ThreadPoolExecutor(max(1, len(steps))) as pool:
        futures = [pool.submit(step) for step in steps]
    for future in futures:
        future.result()
