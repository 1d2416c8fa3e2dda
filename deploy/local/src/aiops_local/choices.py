"""What a stack chooses once and keeps: its ports and its passwords."""

import json
import random
import secrets
import socket
from collections.abc import Callable, Collection
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from aiops_local.layout import write_private

Value = TypeVar("Value", int, str)

# Below the range from which Linux takes the local ports of outgoing connections (32768-60999), so that none of
# those sits on a server's port while the server is down.
PORTS = range(20_000, 32_768)

_writing = Lock()


class Choices(Generic[Value]):
    """A JSON file of named values; `choose` makes a missing one, given those already taken."""

    def __init__(self, file: Path, choose: Callable[[Collection[Value]], Value]) -> None:
        self._file = file
        self._choose: Callable[[Collection[Value]], Value] = choose

    def __getitem__(self, name: str) -> Value:
        with _writing:
            values = self._read()
            if name not in values:
                self._write(values | {name: self._choose(values.values())})
            return self._read()[name]

    def __setitem__(self, name: str, value: Value) -> None:
        with _writing:
            values = self._read()
            if values.get(name) != value:
                self._write(values | {name: value})

    def replace(self, name: str) -> Value:
        """Choose `name` anew."""
        with _writing:
            values = self._read()
            values[name] = self._choose(values.values())
            self._write(values)
            return values[name]

    def _read(self) -> dict[str, Value]:
        try:
            values: dict[str, Value] = json.loads(self._file.read_text())
        except FileNotFoundError:
            return {}
        return values

    def _write(self, values: dict[str, Value]) -> None:
        write_private(self._file, json.dumps(values, indent=2) + "\n")


def ports(file: Path) -> Choices[int]:
    """Free ports of 127.0.0.1, kept in `file`."""
    return Choices(file, free_port)


def credentials(file: Path) -> Choices[str]:
    """Random passwords of 256 bits that need no quoting in a URL or a shell, kept in `file`."""
    return Choices(file, lambda _: secrets.token_urlsafe(32))


def free_port(taken: Collection[int]) -> int:
    """A port outside `taken` on which nothing listens. Raises OSError when a thousand tries found none."""
    for port in random.SystemRandom().choices(PORTS, k=1000):
        if port not in taken and is_free(port):
            return port
    raise OSError(f"no free port on 127.0.0.1 in {PORTS.start}-{PORTS.stop - 1}; stop something that listens there")


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port`."""
    with socket.socket() as probe:
        # Connections that linger in TIME_WAIT do not count; a listening socket still does, with this option too.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
