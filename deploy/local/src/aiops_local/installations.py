"""The PostgreSQL, RabbitMQ and Node.js that the machine's distribution installed.

Standard library only: set-up looks for them before there is a virtual environment.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

POSTGRES_MINIMUM = (15, 0)
RABBITMQ_MINIMUM = (3, 10)
NODE_MINIMUM = (18, 0)

# Debian's packages keep the real scripts out of PATH: /usr/sbin holds wrappers that switch to the user rabbitmq.
_RABBITMQ_SCRIPTS = (Path("/usr/lib/rabbitmq/bin"), Path("/opt/rabbitmq/sbin"), Path("/usr/local/sbin"))
_POSTGRES_VERSIONS = Path("/usr/lib/postgresql")


class NotInstalled(Exception):
    """A program is missing or too old; `make setup` installs it."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A product's programs, all in the directory `programs`, and its version, e.g. (15, 18)."""

    product: str
    programs: Path
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.version))}"


def find_postgres(major: int | None = None) -> Installation:
    """The newest PostgreSQL, or the one of version `major` (a cluster can only be served by its own).

    Raises NotInstalled when there is none that is at least POSTGRES_MINIMUM.
    """
    directories = [server.parent for server in _POSTGRES_VERSIONS.glob("*/bin/postgres")]
    on_path = shutil.which("postgres")
    if on_path:
        directories.append(Path(on_path).resolve().parent)
    found = [Installation("PostgreSQL", path, _postgres_version(path)) for path in directories]
    fitting = [one for one in found if one.version >= POSTGRES_MINIMUM and major in (None, one.version[0])]
    if not fitting:
        raise NotInstalled(_complaint("PostgreSQL", POSTGRES_MINIMUM if major is None else (major,), found))
    return max(fitting, key=lambda one: one.version)


def find_rabbitmq() -> Installation:
    """RabbitMQ's real scripts. Raises NotInstalled when there are none that are at least RABBITMQ_MINIMUM."""
    directories = list(_RABBITMQ_SCRIPTS)
    on_path = shutil.which("rabbitmq-server")
    if on_path:
        directories.append(Path(on_path).resolve().parent)
    found = []
    for directory in directories:
        version = _rabbitmq_version(directory)
        if version:
            found.append(Installation("RabbitMQ", directory, version))
    fitting = [one for one in found if one.version >= RABBITMQ_MINIMUM]
    if not fitting:
        raise NotInstalled(_complaint("RabbitMQ", RABBITMQ_MINIMUM, found))
    return fitting[0]


def find_node() -> Installation:
    """Node.js with its npm. Raises NotInstalled when there is none that is at least NODE_MINIMUM, or it has no npm."""
    on_path = shutil.which("node")
    found = [] if on_path is None else [Installation("Node.js", Path(on_path).parent, _version(on_path))]
    if not found or found[0].version < NODE_MINIMUM:
        raise NotInstalled(_complaint("Node.js", NODE_MINIMUM, found))
    if shutil.which("npm") is None:
        raise NotInstalled(f"{found[0]} is there, but not its npm; `make setup` installs the distribution's")
    return found[0]


@cache
def _postgres_version(programs: Path) -> tuple[int, ...]:
    return _version(programs / "postgres")


def _version(program: str | Path) -> tuple[int, ...]:
    answer = subprocess.run(  # noqa: S603 - a program that was just found, without arguments from outside
        [program, "--version"], capture_output=True, text=True, check=False
    )
    return _numbers(answer.stdout)


def _rabbitmq_version(scripts: Path) -> tuple[int, ...]:
    # The scripts stand in <home>/sbin beside <home>/plugins/rabbit-<version>; asking the program takes a second.
    script = scripts / "rabbitmq-server"
    if not script.exists():
        return ()
    plugins = script.resolve().parent.parent / "plugins"
    return max((_numbers(plugin.name) for plugin in plugins.glob("rabbit-[0-9]*")), default=())


def _numbers(text: str) -> tuple[int, ...]:
    match = re.search(r"\d+(\.\d+)+", text)
    return tuple(map(int, match.group().split("."))) if match else ()


def _complaint(product: str, needed: tuple[int, ...], found: list[Installation]) -> str:
    version = ".".join(map(str, needed))
    seen = ", ".join(f"{one} in {one.programs}" for one in found) or "none"
    return f"{product} {version} or newer is needed, found: {seen}; `make setup` installs the distribution's"
