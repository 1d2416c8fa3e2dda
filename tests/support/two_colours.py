"""Two releases of every service beside each other on one stack, and clients that reach one of them.

What Kubernetes would do is done here by processes, and by a proxy that is to its clients what a Service is: a new
connection goes to the colour that was decided last, an open one stays where it is.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import httpx
from deploy.bluegreen.place import SERVICES, DecidedMeanwhile, PlaceFailed, Process, health
from deploy.bluegreen.switching import Plan, back

from aiops_common.active_colours import DECIDED_MEANWHILE
from aiops_common.settings import Colour
from aiops_common.testing.tcp_proxy import TcpProxy
from aiops_local.environment import inherited
from aiops_local.processes import Command
from support.eventually import eventually
from support.stack import RunningStack

_HOST = "127.0.0.1"
_START_SECONDS = 90.0


@dataclass(slots=True)
class TwoColours:
    """A place as deploy.bluegreen wants it: the services of ``stack``, each twice. To be used beside the event loop."""

    stack: RunningStack
    front: TcpProxy
    commands: dict[str, Command] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    """What was decided, in its order."""

    def processes(self, colour: Colour) -> list[Process]:
        """Those that live."""
        names = {f"{service}-{colour}": service for service in SERVICES}
        running = self.stack.stack.processes.running
        return [Process(service, name, colour) for name, service in names.items() if running(name) is not None]

    def get(self, process: Process, path: str) -> str:
        """From the process's own port."""
        return self._ask("GET", process, path, 20)

    def post(self, process: Process, path: str, body: str) -> str:
        """Likewise."""
        return self._ask("POST", process, path, 10, body)

    def _ask(self, method: str, process: Process, path: str, seconds: float, body: str | None = None) -> str:
        url, headers = f"{self.stack.stack.services.url(process.name)}{path}", {"Content-Type": "application/json"}
        try:
            return httpx.request(method, url, content=body, headers=headers, timeout=seconds, trust_env=False).text
        except httpx.HTTPError as error:
            raise PlaceFailed(f"{process.name}: {type(error).__name__}") from None

    def clients_reach(self) -> Colour | None:
        """Whose gateway the proxy connects with."""
        ports = {self.stack.stack.services.ports[f"gateway-{colour}"]: colour for colour in Colour}
        return ports.get(self.front.target[1])

    def point_clients_at(self, colour: Colour) -> None:
        """From the next connection on."""
        self.changes.append(f"clients {colour}")
        self.front.target = (_HOST, self.stack.stack.services.ports[f"gateway-{colour}"])

    def taking(self, service: str, through: Colour) -> frozenset[Colour]:
        """As the service's own command says."""
        return self._colours(service, (), through)

    def let_take(
        self, service: str, colours: Collection[Colour], through: Colour, instead_of: Collection[Colour] = ()
    ) -> None:
        """By the service's own command."""
        self.changes.append(f"{service} {'+'.join(sorted(colours))}")
        believed = [word for colour in sorted(instead_of) for word in ("--instead-of", colour)]
        self._colours(service, [*sorted(colours), *believed], through)

    def _colours(self, service: str, arguments: Sequence[str], through: Colour) -> frozenset[Colour]:
        environment = self.commands[f"{service}-{through}"].environment
        done = subprocess.run(
            [sys.executable, "-m", f"aiops_{service}", "colours", "--json", *arguments],
            env={**inherited(), **environment}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            failed = DecidedMeanwhile if done.returncode == DECIDED_MEANWHILE else PlaceFailed
            raise failed(done.stderr.strip())
        return frozenset(map(Colour, json.loads(done.stdout)["active"]))

    def command(self, service: str, colour: Colour, program: Path | None = None) -> Command:
        """The command of one process; ``program`` takes the place of the service's own."""
        usual = self.stack.stack.services.serve(service, scripted_llm=False)
        name = f"{service}-{colour}"
        own = {
            f"{service.upper()}_COLOUR": str(colour),
            f"{service.upper()}_PORT": str(self.stack.stack.services.ports[name]),
            "TRACES_FILE": str(self.stack.stack.layout.traces.with_name(f"{name}.jsonl")),
        }
        argv = usual.argv if program is None else (sys.executable, str(program), "serve")
        return replace(usual, name=name, argv=argv, environment={**usual.environment, **own})

    def start(
        self, colour: Colour, programs: Mapping[str, Path] | None = None, only: Collection[str] = SERVICES
    ) -> None:
        """Start services of ``colour``, some with other programs."""
        for service in only:
            command = self.command(service, colour, (programs or {}).get(service))
            self.commands[command.name] = command
            self.stack.stack.processes.start(command)

    async def ready(self, colour: Colour) -> None:
        """Wait until all processes of ``colour`` are well, whoever's turn it is."""
        for service in SERVICES:
            await eventually(partial(self._is_well, service, colour), seconds=_START_SECONDS)

    async def _is_well(self, service: str, colour: Colour) -> bool:
        name = f"{service}-{colour}"
        self.stack.stack.processes.check(name)
        return not (await asyncio.to_thread(health, self, Process(service, name, colour))).problems

    def stop(self) -> None:
        """End all processes of both colours."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.stack.stack.processes.stop, list(self.commands)))


@asynccontextmanager
async def two_colours(stack: RunningStack, green: Mapping[str, Path] | None = None) -> AsyncIterator[TwoColours]:
    """Blue with the clients and the work, and green idle beside it, in place of the services of ``stack``.

    ``green`` names programs that take the place of some of its services.
    """
    with ThreadPoolExecutor() as pool:
        list(pool.map(stack.stack.processes.stop, SERVICES))
    async with TcpProxy(_HOST, stack.stack.services.ports[f"gateway-{Colour.BLUE}"]) as front:
        place = TwoColours(stack, front)
        try:
            await asyncio.to_thread(place.start, Colour.BLUE)
            await asyncio.to_thread(place.start, Colour.GREEN, green)
            await place.ready(Colour.BLUE)
            await place.ready(Colour.GREEN)
            # The first decision; an earlier test may have left another.
            assert await asyncio.to_thread(back, place, Colour.BLUE, Plan(), lambda _: None) == []
            place.changes.clear()
            yield place
        finally:
            await asyncio.to_thread(place.stop)
