"""The program `jaeger`: found on PATH or in the cache, or built there from its pinned source."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from aiops_local import go_program
from aiops_local.go_program import GoProgram

VERSION = "2.13.0"
MODULE_SUM = "h1:sWCOOF1dr+NL0PLil7mFo3BqqQL8k4WiM7aguFbc14g="


def version_of(program: Path) -> str:
    """What `program` calls its version, such as 2.13.0; empty where it is not there, or says none."""
    try:
        answer = subprocess.run(  # noqa: S603 - a program that was just found, with a fixed argument
            [program, "version"], capture_output=True, text=True, check=False, timeout=30
        )
        return str(json.loads(answer.stdout)["gitVersion"]).removeprefix("v")
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return ""


JAEGER = GoProgram(
    name="jaeger",
    version=VERSION,
    module="github.com/jaegertracing/jaeger",
    # Its releases carry two numbers, of Jaeger v1 and v2, for one and the same commit.
    module_version="v1.76.0",
    module_sum=MODULE_SUM,
    go_minimum=(1, 24, 6),
    package="./cmd/jaeger",
    version_variable="github.com/jaegertracing/jaeger/internal/version.latestVersion",
    takes="about five minutes on two cores the first time, and 3 GB of Go's caches",
    instead=", or use `make compose-up`, whose Jaeger is an image (`make trace` works without)",
    version_of=version_of,
)


def find() -> Path | None:
    """The `jaeger` to run: one of version 2 on PATH, else the one in the cache; None where there is neither."""
    on_path = shutil.which("jaeger")
    if on_path and version_of(Path(on_path)).startswith("2."):
        return Path(on_path)
    return cached() if version_of(cached()) == VERSION else None


def cached() -> Path:
    """Where `build` puts the program."""
    return go_program.cached(JAEGER)


def build(say: Callable[[str], None]) -> Path:
    """Build the pinned version into the cache unless it is there. Raises CannotBuild or BuildFailed."""
    return go_program.build(JAEGER, say)
