"""The history of a checkout as commits for a changelog."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aiops_local.demo.client import Json

MAX_COMMITS = 1000
"""Newest commits that are read: a changelog of more is nothing to look at in a terminal."""

_MAX_MESSAGE = 16 * 1024
_MAX_PATHS = 200
# ASCII separators of records and fields; a commit message that holds one costs that commit, nothing else.
_RECORD, _FIELD = "\x1e", "\x1f"
_FORMAT = "%x1e%H%x1f%aN%x1f%cI%x1f%B%x1f"


class NoHistory(Exception):
    """There is nothing to read; the text says why."""


@dataclass(frozen=True, slots=True)
class History:
    """Commits as CommitInput of the API, newest first; `shallow` is a clone that lacks the older ones."""

    commits: list[Json]
    shallow: bool


def read_history(root: Path) -> History:
    """The history that ends at HEAD of the checkout `root`. Raises NoHistory."""
    # A directory above may be another repository, which git would find.
    if not (root / ".git").exists():
        raise NoHistory("this checkout has no .git")
    log = _git(root, "-c", "core.quotePath=false", "log", f"-{MAX_COMMITS}", "--name-only", f"--format={_FORMAT}")
    commits = list(parse_log(log))
    if not commits:
        raise NoHistory("this repository has no commits yet")
    return History(commits, shallow=_git(root, "rev-parse", "--is-shallow-repository").strip() == "true")


def parse_log(log: str) -> Iterator[Json]:
    """Commits of what `git log --name-only` wrote in the format of this module; what lacks a message is left out."""
    for record in log.split(_RECORD)[1:]:
        fields = record.split(_FIELD)
        if len(fields) != 5 or not fields[3].strip():
            continue
        commit_hash, author, committed_at, message, paths = fields
        yield {
            "hash": commit_hash,
            "author": author[:320],
            "committedAt": committed_at,
            "message": message.strip()[:_MAX_MESSAGE],
            "paths": [path for path in paths.splitlines() if path][:_MAX_PATHS],
        }


def _git(root: Path, *arguments: str) -> str:
    try:
        run = subprocess.run(  # noqa: S603 - the arguments are this module's own
            ("git", "-C", str(root), "--no-pager", *arguments),  # noqa: S607 - whichever git the caller uses
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoHistory(f"git cannot be run: {error}") from error
    if run.returncode != 0:
        said = run.stderr.decode(errors="replace").strip().splitlines()
        raise NoHistory(f"git cannot read it: {said[0] if said else f'exit code {run.returncode}'}")
    return run.stdout.decode(errors="replace")
