"""Renders the overlays of this folder: `python -m deploy.k8s.render DIRECTORY`, one file for each overlay.

Ends with 1, and the names of what is missing, where an overlay cannot be rendered or wants a secret that nobody gives.
"""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml
from deploy.k8s.references import Document, unresolved

from aiops_local.go_program import BuildFailed, CannotBuild
from aiops_local.kustomize_program import provide

OVERLAYS = Path(__file__).resolve().parent / "overlays"
_SECONDS = 120
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where PyYAML was built with libyaml


class NotRendered(Exception):
    """An overlay is not whole; the message says what it lacks."""


def overlays() -> list[str]:
    """The names of all overlays."""
    return sorted(path.parent.name for path in OVERLAYS.glob("*/kustomization.yaml"))


def rendered(command: Sequence[str], folder: Path) -> str:
    """What `command`, a kustomize, makes of `folder`, as YAML of several documents.

    Raises NotRendered: a file is missing, or something refers to nothing; secrets that are missing are named.
    """
    done = subprocess.run(  # noqa: S603 - a program that was found, with a folder of ours
        [*command, str(folder)], capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode != 0:
        raise NotRendered(_told(done.stderr, folder))
    if problems := unresolved(parsed(done.stdout)):
        raise NotRendered("\n".join(problems))
    return done.stdout


def parsed(text: str) -> list[Document]:
    """The objects of a rendered overlay."""
    return [document for document in yaml.load_all(text, Loader=_LOADER) if document]


def _told(error: str, folder: Path) -> str:
    secrets = folder / "secrets"
    # Not those of components/operators/external-secrets.
    if re.search(r"(?<![\w-])secrets/\S+\.env", error) and not secrets.is_dir():
        return f"{os.path.relpath(secrets)} is not there; `make k8s-secrets` writes it"
    return error.strip()


def write(directory: Path, name: str, text: str) -> Path:
    """Put a rendered overlay where its owner alone may read it: it may hold secrets."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = directory / f"{name}.yaml"
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
    return file


def main(directory: str) -> int:
    """Render every overlay below `directory`; returns the exit code."""
    try:
        command = provide(lambda what: print(what, file=sys.stderr))  # noqa: T201 - a command
    except (CannotBuild, BuildFailed) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    failed = 0
    for name in overlays():
        try:
            text = rendered(command, OVERLAYS / name)
        except NotRendered as problem:
            sys.stderr.write("".join(f"{name}: {line}\n" for line in str(problem).splitlines()))
            failed = 1
            continue
        file = write(Path(directory), name, text)
        sys.stdout.write(f"{name}: {len(parsed(text))} objects in {file}\n")
    return failed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
