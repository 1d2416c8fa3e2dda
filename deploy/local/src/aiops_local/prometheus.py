"""Prometheus and promtool, for the tests of the alert rules and for whoever wants to look at metrics without Docker.

They are taken out of the distribution's package, whose checksum apt has verified, and put beside other caches. The
package is not installed: that would start a server at every boot, and its web pages draw in 230 MB of other packages.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from aiops_local.installations import NotInstalled
from aiops_local.user_cache import user_cache

MINIMUM = (2, 40)
COMMAND = "make prometheus"
_PROGRAMS = ("prometheus", "promtool")
_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Programs:
    """The two programs and their version, e.g. (2, 42, 0)."""

    prometheus: Path
    promtool: Path
    version: tuple[int, ...]


def find() -> Programs:
    """Those on PATH, or those that `fetch` has put aside. Raises NotInstalled where neither is new enough."""
    seen = []
    for directory in (*_on_path(), cache()):
        programs = _programs(directory)
        if programs and programs.version >= MINIMUM:
            return programs
        seen += [str(programs)] if programs else []
    needed = ".".join(map(str, MINIMUM))
    raise NotInstalled(
        f"Prometheus {needed} or newer with its promtool is needed, found: {seen or 'none'}; `{COMMAND}`"
    )


def fetch() -> Programs:
    """`find`, after taking them out of the distribution's package if they are missing; nobody needs to be root.

    Raises NotInstalled where there is no such package or it cannot be had; the message has what apt-get said.
    """
    try:
        return find()
    except NotInstalled:
        _fetch(cache())
        return find()


def cache() -> Path:
    """The directory that `fetch` fills."""
    return user_cache() / "prometheus"


def _fetch(directory: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise NotInstalled("this is not Debian or Ubuntu; put prometheus and promtool on PATH")
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as name:
        # The user that apt-get would become cannot write to a directory of ours.
        _run(["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", "prometheus"], name)
        package = next(Path(name).glob("prometheus_*.deb"))
        _run(["dpkg-deb", "--extract", package.name, "."], name)
        for program in _PROGRAMS:
            # A rename, so that whoever starts it at this moment finds the old one or the new one.
            (Path(name) / "usr" / "bin" / program).replace(directory / program)


def _run(argv: list[str], directory: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            argv, cwd=directory, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(f"{argv[0]} took longer than {_SECONDS} s; run `{COMMAND}` again") from error
    if done.returncode != 0:
        raise NotInstalled(
            f"{' '.join(argv[:2])} failed: {done.stderr.strip()}; "
            f"if there are no package lists, run `apt-get update` and `{COMMAND}` again"
        )


def _on_path() -> list[Path]:
    found = shutil.which("promtool")
    return [Path(found).parent] if found else []


def _programs(directory: Path) -> Programs | None:
    server, tool = (directory / program for program in _PROGRAMS)
    if not (server.exists() and tool.exists()):
        return None
    answer = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - just found
    match = re.search(r"version (\d+)\.(\d+)\.(\d+)", answer.stdout + answer.stderr)
    return Programs(server, tool, tuple(map(int, match.groups()))) if match else None


def main(arguments: list[str]) -> int:
    """Say where they are, after fetching them if need be; with --if-possible it is no failure if they cannot be had."""
    try:
        programs = fetch()
    except NotInstalled as problem:
        sys.stderr.write(f"no Prometheus: {problem}\n")
        return 0 if "--if-possible" in arguments else 1
    version = ".".join(map(str, programs.version))
    sys.stdout.write(f"Prometheus {version}: {programs.prometheus}, {programs.promtool}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
