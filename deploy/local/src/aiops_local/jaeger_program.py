"""The program `jaeger`: found on PATH or in the cache, or built there from its pinned source.

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
from pathlib import Path

from aiops_local.user_cache import user_cache

VERSION = "2.13.0"
MODULE = "github.com/jaegertracing/jaeger"
MODULE_VERSION = "v1.76.0"
"""The Go module of VERSION: its releases carry two numbers, of Jaeger v1 and v2, for one and the same commit."""
MODULE_SUM = "h1:sWCOOF1dr+NL0PLil7mFo3BqqQL8k4WiM7aguFbc14g="
"""The hash of the module, its go.sum included: that pins everything else."""
GO_MINIMUM = (1, 24, 6)
"""What the module's go.mod asks for."""

_GO = Path("/usr/local/go/bin/go")  # where Go's own archive is unpacked, often without being on PATH
_BUILD_SECONDS = 45 * 60
_TOLD_EVERY_SECONDS = 30


class CannotBuild(Exception):
    """There is no `jaeger` and no way to build one here; the message says what to do."""


class BuildFailed(Exception):
    """Building went wrong; the message says at which step, and how it ended."""


def find() -> Path | None:
    """The `jaeger` to run: one of version 2 on PATH, else the one in the cache; None where there is neither."""
    on_path = shutil.which("jaeger")
    if on_path and version_of(Path(on_path)).startswith("2."):
        return Path(on_path)
    return cached() if version_of(cached()) == VERSION else None


def cached() -> Path:
    """Where `build` puts the program."""
    return user_cache() / f"jaeger-{VERSION}" / "jaeger"


def version_of(program: Path) -> str:
    """What `program` calls its version, such as 2.13.0; empty where it is not there, or says none."""
    try:
        answer = subprocess.run(  # noqa: S603 - a program that was just found, with a fixed argument
            [program, "version"], capture_output=True, text=True, check=False, timeout=30
        )
        return str(json.loads(answer.stdout)["gitVersion"]).removeprefix("v")
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return ""


def build(say: Callable[[str], None]) -> Path:
    """Build the pinned version into the cache unless it is there; one at a time, and all or nothing.

    Raises CannotBuild (no Go that is new enough) or BuildFailed.
    """
    go = _find_go()
    target = cached()
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.parent / "lock", say):
        if version_of(target) == VERSION:
            return target
        with tempfile.TemporaryDirectory(prefix=".build-", dir=target.parent) as name:
            draft = Path(name) / "jaeger"
            _compile(go, _source(go, Path(name), say), draft, say)
            if version_of(draft) != VERSION:
                raise BuildFailed(f"what was built says that it is version {version_of(draft)!r}, not {VERSION}")
            draft.replace(target)
    return target


def _source(go: Path, directory: Path, say: Callable[[str], None]) -> Path:
    """The directory of the module's source, fetched and compared with MODULE_SUM."""
    say(f"fetching the source of Jaeger {VERSION} ({MODULE}@{MODULE_VERSION})")
    log = directory / "download.log"
    _run([str(go), "mod", "download", "-json", f"{MODULE}@{MODULE_VERSION}"], directory, log, say)
    try:
        text = log.read_text()
        # What it fetched is told in the same place, before and maybe after.
        module, _ = json.JSONDecoder().raw_decode(text, text.index("{"))
    except ValueError:
        raise BuildFailed(f"go mod download said something else than JSON: {_end(log)}") from None
    if module.get("Sum") != MODULE_SUM:
        raise BuildFailed(f"the source of {MODULE}@{MODULE_VERSION} has the hash {module.get('Sum')}, not {MODULE_SUM}")
    return Path(module["Dir"])


def _compile(go: Path, source: Path, draft: Path, say: Callable[[str], None]) -> None:
    say("compiling it: about five minutes on two cores the first time, and 3 GB of Go's caches")
    # Inside its own directory the module is the main one, so its own go.sum holds for everything that it needs.
    flags = f"-s -w -X {MODULE}/internal/version.latestVersion=v{VERSION}"
    argv = [str(go), "build", "-mod=readonly", "-trimpath", "-ldflags", flags, "-o", str(draft), "./cmd/jaeger"]
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


def _find_go() -> Path:
    needed = ".".join(map(str, GO_MINIMUM))
    on_path = shutil.which("go")
    found = [path for path in (Path(on_path) if on_path else None, _GO) if path and path.is_file()]
    versions = {path: _go_version(path) for path in found}
    fitting = [path for path in found if versions[path] >= GO_MINIMUM]
    if fitting:
        return fitting[0]
    seen = ", ".join(f"{'.'.join(map(str, version))} in {path}" for path, version in versions.items()) or "none"
    raise CannotBuild(
        f"no Jaeger: there is no `jaeger` of version 2 on PATH, and building one needs Go {needed} or newer, found: "
        f"{seen}; install either, or use `make compose-up`, whose Jaeger is an image (`make trace` works without)"
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
def _locked(file: Path, say: Callable[[str], None]) -> Iterator[None]:
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another build of Jaeger to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
