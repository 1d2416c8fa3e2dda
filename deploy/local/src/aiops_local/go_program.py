"""Programs in Go that no package of Debian's has: built from their pinned source into the user's cache.

The cache is outside of the checkout, so that `make clean` and a fresh clone keep what took minutes to build.
"""

import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiops_local.user_cache import user_cache

_GO = Path("/usr/local/go/bin/go")  # where Go's own archive is unpacked, often without being on PATH
_BUILD_SECONDS = 45 * 60
_TOLD_EVERY_SECONDS = 30


class CannotBuild(Exception):
    """There is no Go here that is new enough; the message says what to do."""


class BuildFailed(Exception):
    """Building went wrong; the message says at which step, and how it ended."""


@dataclass(frozen=True, slots=True)
class GoProgram:
    """A program, and the one source that it is built from."""

    name: str
    version: str
    module: str
    module_version: str
    module_sum: str
    """The hash of the module, its go.sum included: that pins everything else."""
    go_minimum: tuple[int, int, int]
    """What the module's go.mod asks for."""
    package: str
    """The folder of the program within the module, such as ./cmd/jaeger."""
    version_variable: str
    """The variable that the linker sets to the version."""
    takes: str
    """How long it takes and how much space, in words."""
    instead: str
    """What somebody without Go can do."""
    version_of: Callable[[Path], str]
    """What a program calls its version, without a leading v; empty where it is not there, or says none."""

    @property
    def title(self) -> str:
        """Its name as prose writes it."""
        return self.name.capitalize()


def cached(program: GoProgram) -> Path:
    """Where `build` puts the program."""
    return user_cache() / f"{program.name}-{program.version}" / program.name


def build(program: GoProgram, say: Callable[[str], None]) -> Path:
    """Build the pinned version into the cache unless it is there; one at a time, and all or nothing.

    Raises CannotBuild (no Go that is new enough) or BuildFailed.
    """
    go = _find_go(program)
    target = cached(program)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.parent / "lock", program, say):
        if program.version_of(target) == program.version:
            return target
        with tempfile.TemporaryDirectory(prefix=".build-", dir=target.parent) as name:
            draft = Path(name) / program.name
            _compile(go, program, _source(go, program, Path(name), say), draft, say)
            if (said := program.version_of(draft)) != program.version:
                raise BuildFailed(f"what was built says that it is version {said!r}, not {program.version}")
            draft.replace(target)
    return target


def _source(go: Path, program: GoProgram, directory: Path, say: Callable[[str], None]) -> Path:
    """The directory of the module's source, fetched and compared with its hash."""
    wanted = f"{program.module}@{program.module_version}"
    say(f"fetching the source of {program.title} {program.version} ({wanted})")
    log = directory / "download.log"
    _run([str(go), "mod", "download", "-json", wanted], directory, log, say)
    try:
        text = log.read_text()
        # What it fetched is told in the same place, before and maybe after.
        module, _ = json.JSONDecoder().raw_decode(text, text.index("{"))
    except ValueError:
        raise BuildFailed(f"go mod download said something else than JSON: {_end(log)}") from None
    if module.get("Sum") != program.module_sum:
        raise BuildFailed(f"the source of {wanted} has the hash {module.get('Sum')}, not {program.module_sum}")
    return Path(module["Dir"])


def _compile(go: Path, program: GoProgram, source: Path, draft: Path, say: Callable[[str], None]) -> None:
    say(f"compiling it: {program.takes}")
    # Inside its own directory the module is the main one, so its own go.sum holds for everything that it needs.
    flags = f"-s -w -X {program.version_variable}=v{program.version}"
    argv = [str(go), "build", "-mod=readonly", "-trimpath", "-ldflags", flags, "-o", str(draft), program.package]
    _run(argv, source, draft.with_name("build.log"), say)


def _run(argv: list[str], directory: Path, log: Path, say: Callable[[str], None]) -> None:
    """Run `argv`, telling now and then that it still runs; raises BuildFailed with the end of its output."""
    # The Go that was found and no other, no workspace of the caller's, and nothing about version control.
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-buildvcs=false"}
    began = time.monotonic()
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 - the Go that was found, with fixed arguments
            argv, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            while _still_runs(child):
                elapsed = time.monotonic() - began
                if elapsed > _BUILD_SECONDS:
                    raise BuildFailed(f"`{' '.join(argv[1:3])}` did not end within {_BUILD_SECONDS} s")
                say(f"still at it after {elapsed:.0f} s")
        finally:
            child.kill()
            child.wait()
    if child.returncode != 0:
        raise BuildFailed(f"`{' '.join(argv[1:3])}` ended with {child.returncode}:\n{_end(log)}")


def _still_runs(child: "subprocess.Popen[bytes]") -> bool:
    try:
        child.wait(_TOLD_EVERY_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False


def _find_go(program: GoProgram) -> Path:
    needed = ".".join(map(str, program.go_minimum))
    on_path = shutil.which("go")
    found = [path for path in (Path(on_path) if on_path else None, _GO) if path and path.is_file()]
    versions = {path: _go_version(path) for path in found}
    fitting = [path for path in found if versions[path] >= program.go_minimum]
    if fitting:
        return fitting[0]
    seen = ", ".join(f"{'.'.join(map(str, version))} in {path}" for path, version in versions.items()) or "none"
    raise CannotBuild(
        f"no {program.title}: there is none on PATH that is new enough, and building one needs Go {needed} or newer, "
        f"found: {seen}; install either{program.instead}"
    )


def _go_version(go: Path) -> tuple[int, ...]:
    answer = subprocess.run(  # noqa: S603 - a program that was just found, with a fixed argument
        [go, "env", "GOVERSION"],
        capture_output=True, text=True, check=False, env={**os.environ, "GOTOOLCHAIN": "local"},
    )  # fmt: skip
    return tuple(int(number) for number in re.findall(r"\d+", answer.stdout)[:3])


def _end(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


@contextmanager
def _locked(file: Path, program: GoProgram, say: Callable[[str], None]) -> Iterator[None]:
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another build of {program.title} to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
