"""Erlang's port mapper, by which rabbitmqctl finds a node's port from its name.

One serves a whole machine: whichever answers is used. Where none does, the stack starts one, and the last stack to go
ends it. The port is ERL_EPMD_PORT, 4369 by default.
"""

import os
import shutil
import socket
import struct
from pathlib import Path

import psutil

from aiops_local.choices import ports
from aiops_local.layout import Layout
from aiops_local.process_tree import end, environment_of
from aiops_local.processes import Command, Processes
from aiops_local.readiness import wait_until

NAME = "epmd"
_DEFAULT_PORT = 4369
_OWNER = "AIOPS_EPMD_OWNER"  # the state directory of the stack that started it
_NAMES_REQUEST = b"\x00\x01n"  # length 1, NAMES_REQ of the distribution protocol


class Epmd:
    """The port mapper that the stack in `state` uses."""

    def __init__(self, state: Path) -> None:
        layout = Layout.of(state)
        self._processes = Processes(layout)
        self._ports = ports(layout.ports)

    @property
    def port(self) -> int:
        return self._ports[NAME]

    @property
    def is_default(self) -> bool:
        """Whether programs find it without being told."""
        return self.port == _DEFAULT_PORT

    def start(self, timeout: float = 10) -> None:
        """Start one unless one answers. Raises ProcessFailed or NotReady."""
        # Kept, so that `down` ends the one that `up` started, whatever the environment says by then.
        self._ports[NAME] = int(os.environ.get("ERL_EPMD_PORT", _DEFAULT_PORT))
        if self.names() is not None:
            return
        command = Command(
            name=NAME,
            argv=(_program(), "-address", "127.0.0.1", "-port", str(self.port)),
            environment={"ERL_EPMD_PORT": str(self.port), _OWNER: str(self._processes.layout.state)},
            directory=Path("/"),
            shared=True,
        )
        self._processes.start(command)
        wait_until({NAME: lambda: self.names() is not None}, timeout, self._processes.check)

    def stop(self) -> None:
        """End the one that we, or another stack that is gone, started, unless a node is registered with it."""
        if self.names() == []:
            end(self._left_by_others())
            self._processes.stop(NAME)
        else:
            # Without the pid file it no longer belongs to this stack; the last one that uses it ends it.
            self._processes.forget(NAME)

    def names(self) -> list[str] | None:
        """The names of the registered nodes (without the host), or None when no port mapper answers."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(_NAMES_REQUEST)
                answer = b"".join(iter(lambda: connection.recv(4096), b""))
        except OSError:
            return None
        if len(answer) < 4 or struct.unpack(">I", answer[:4])[0] != self.port:
            return None
        return [line.split()[1] for line in answer[4:].decode().splitlines() if line.startswith("name ")]

    def _left_by_others(self) -> list[psutil.Process]:
        """Port mappers on our port that a stack started and left to us."""
        found = []
        for process in psutil.process_iter():
            environment = environment_of(process)
            if _OWNER not in environment or environment.get("ERL_EPMD_PORT") != str(self.port):
                continue
            if not Layout(Path(environment[_OWNER])).pid_file(NAME).exists():
                found.append(process)
        return found


def _program() -> str:
    """The path of epmd. Raises FileNotFoundError."""
    beside_erl = sorted(Path("/usr/lib/erlang").glob("erts-*/bin/epmd"))
    found = shutil.which("epmd") or (str(beside_erl[-1]) if beside_erl else None)
    if found is None:
        raise FileNotFoundError("epmd is not installed: it comes with Erlang, on which rabbitmq-server depends")
    return found
