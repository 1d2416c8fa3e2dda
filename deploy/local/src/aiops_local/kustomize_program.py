"""kustomize, which renders deploy/k8s: within kubectl or by itself on PATH, or built into the cache from its source."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from aiops_local import go_program
from aiops_local.go_program import BuildFailed, CannotBuild, GoProgram

VERSION = "5.5.0"
"""As in kubectl 1.32; an older one is not tried out."""


def version_of(program: Path) -> str:
    """The version of kustomize that `program`, a kustomize or a kubectl, has; empty where it has none."""
    try:
        if program.name == "kubectl":
            return str(json.loads(_answer(program, "--client", "--output=json"))["kustomizeVersion"]).removeprefix("v")
        found = re.search(r"\bv?(\d+\.\d+\.\d+)", _answer(program))
        return found[1] if found else ""
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return ""


def _answer(program: Path, *options: str) -> str:
    done = subprocess.run(  # noqa: S603 - a program that was just found, with fixed arguments
        [program, "version", *options], capture_output=True, text=True, check=False, timeout=30
    )
    return done.stdout


KUSTOMIZE = GoProgram(
    name="kustomize",
    version=VERSION,
    module="sigs.k8s.io/kustomize/kustomize/v5",
    module_version=f"v{VERSION}",
    module_sum="h1:o1mtt6vpxsxDYaZKrw3BnEtc+pAjLz7UffnIvHNbvW0=",
    go_minimum=(1, 22, 7),
    package=".",
    version_variable="sigs.k8s.io/kustomize/api/provenance.version",
    takes="some minutes on two cores the first time",
    instead=" (kubectl 1.32 has kustomize in it)",
    version_of=version_of,
)


def find() -> list[str] | None:
    """The command that renders a folder, without the folder; None where there is none that is new enough."""
    for name, command in (("kustomize", "build"), ("kubectl", "kustomize")):
        program = shutil.which(name)
        if program and _is_new_enough(version_of(Path(program))):
            return [program, command]
    cached = go_program.cached(KUSTOMIZE)
    return [str(cached), "build"] if version_of(cached) == VERSION else None


def _is_new_enough(version: str) -> bool:
    return [int(number) for number in version.split(".") if number] >= [int(number) for number in VERSION.split(".")]


def provide(say: Callable[[str], None]) -> list[str]:
    """`find`, after building it where it is missing. Raises CannotBuild or BuildFailed."""
    return find() or [str(go_program.build(KUSTOMIZE, say)), "build"]


def main(arguments: list[str]) -> int:
    """Say which one is used, after building it if need be; with --if-possible it is no failure if there is none."""
    try:
        command = provide(lambda what: print(what, file=sys.stderr))  # noqa: T201 - a command
    except CannotBuild as problem:
        sys.stderr.write(f"{problem}\n")
        return 0 if "--if-possible" in arguments else 1
    except BuildFailed as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    sys.stdout.write(f"kustomize {version_of(Path(command[0]))}: {' '.join(command)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
