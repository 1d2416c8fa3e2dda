"""``render``: the changelog of a git repository, or of commits on standard input."""

import contextlib
import datetime as dt
import gc
import importlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiops_changelog.command.complaints import failure, remark

if TYPE_CHECKING:
    from aiops_changelog.domain import Commit, Draft

_BETWEEN_SIGNS = 0.1


def render(
    range_: Annotated[str | None, typer.Argument(metavar="[FROM..TO]", help="Commits to take; all without it.")] = None,
    *,
    git: Annotated[Path | None, typer.Option(metavar="REPO", help="Repository to read; stdin without it.")] = None,
    release: Annotated[str | None, typer.Option(help="Version of the release; suggested without it.")] = None,
    previous: Annotated[str | None, typer.Option(help="Release before; FROM where that is a version.")] = None,
    project: Annotated[str | None, typer.Option(help="Name in the notes; the repository's without it.")] = None,
    date: Annotated[str | None, typer.Option(help="Day of the release, YYYY-MM-DD; today (UTC) without it.")] = None,
    paths: Annotated[bool, typer.Option("--paths", help="Also read which files changed; slower.")] = False,
    patch_ids: Annotated[bool, typer.Option("--patch-ids", help="Also join equal differences; much slower.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON instead of Markdown.")] = False,
    notes: Annotated[bool, typer.Option("--notes", help="Write release notes in plain text instead.")] = False,
) -> None:
    """Write the changelog of a git repository, or of commits on stdin (NUL-separated messages, or JSON lines).

    Says on standard error where the commits went.
    """
    released_on = _day(date)
    if as_json and notes:
        raise failure("--json and --notes are two forms; give one")
    if git is None and range_ is not None:
        raise failure(f"{range_} is a range of a repository: give the repository with --git REPO")
    if git is None and (paths or patch_ids):
        raise failure(f"{'--paths' if paths else '--patch-ids'} asks a repository: give it with --git REPO")
    commits = _from_stdin() if git is None else _from_git(git, range_, with_paths=paths)
    engine = importlib.import_module("aiops_changelog.engine")  # loaded while git reads already
    previous = previous or _version_before(range_)
    name = project or (git.resolve().name.removesuffix(".git") if git else "the project")
    with _without_collector():
        draft = engine.generate(
            _counted(commits),
            project=name,
            release=release,
            previous_release=previous,
            released_on=released_on,
            patch_ids=_patch_ids(git, range_) if git and patch_ids else None,
        )
        if notes:
            _write(_notes(draft, name, released_on).encode(errors="replace"))
        else:
            _write(_json(draft) if as_json else draft.markdown.encode(errors="replace"))
    remark(_account(draft))


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Nothing that an engine makes is in a cycle, and looking for cycles takes a fourth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _from_git(repository: Path, range_: str | None, *, with_paths: bool) -> Iterator["Commit"]:
    history = importlib.import_module("aiops_changelog.command.history").History(
        repository, range_, with_paths=with_paths
    )
    if history.is_shallow:
        remark(f"{repository} is a shallow clone: what is older than its depth is missing (git fetch --unshallow)")
    commits: Iterator[Commit] = history.commits()
    return commits


def _patch_ids(repository: Path, range_: str | None) -> dict[str, str]:
    found: dict[str, str] = importlib.import_module("aiops_changelog.command.history").patch_ids(repository, range_)
    return found


def _version_before(range_: str | None) -> str | None:
    """Where the range begins, if that is a version."""
    versions = importlib.import_module("aiops_changelog.engine.versions")
    start = (range_ or "").partition("..")[0]
    return start if versions.is_version(start) else None


def _from_stdin() -> Iterable["Commit"]:
    if sys.stdin.isatty():
        raise failure("give --git REPO, or commits on stdin: messages separated by NUL, or JSON lines")
    intake = importlib.import_module("aiops_changelog.engine.intake")
    try:
        commits: list[Commit] = intake.from_text(sys.stdin.buffer.read())
    except intake.InvalidCommit as error:
        raise failure(str(error)) from error
    if not commits:
        raise failure("no commits on stdin: give messages separated by NUL, or JSON lines")
    return commits


def _counted(commits: Iterable["Commit"]) -> Iterable["Commit"]:
    """The same commits; on a terminal, how many there were so far is shown meanwhile."""
    return _shown(commits) if sys.stderr.isatty() else commits


def _shown(commits: Iterable["Commit"]) -> Iterator["Commit"]:
    due = time.monotonic()
    for count, commit in enumerate(commits, start=1):
        if count % 1000 == 0 and time.monotonic() >= due:
            due = time.monotonic() + _BETWEEN_SIGNS
            typer.echo(f"\r{count:,} commits", nl=False, err=True)
        yield commit
    typer.echo("\r\033[K", nl=False, err=True)


def _json(draft: "Draft") -> bytes:
    orjson = importlib.import_module("orjson")
    text: bytes = orjson.dumps(draft, option=orjson.OPT_INDENT_2)
    return text


def _notes(draft: "Draft", project: str, released_on: dt.date) -> str:
    text: str = importlib.import_module("aiops_changelog.engine.notes").write(
        draft, project=project, released_on=released_on
    )
    return text


def _account(draft: "Draft") -> str:
    """Where the commits went; the numbers add up."""
    in_sections = sum(len(entry.commits) for part in draft.sections for entry in part.entries)
    reverted = sum(len(entry.commits) for entry in draft.reverted)
    in_doubt = sum(len(entry.commits) for entry in draft.needs_review)
    total = in_sections + reverted + in_doubt
    noun = "commit" if total == 1 else "commits"
    return f"{total:,} {noun}: {in_sections:,} in sections, {reverted:,} reverted, {in_doubt:,} to review"


def _write(text: bytes) -> None:
    try:
        sys.stdout.buffer.write(text.rstrip() + b"\n")
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def _day(text: str | None) -> dt.date:
    if text is None:
        return dt.datetime.now(dt.UTC).date()
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise failure(f"--date {text} is not a day; write it as YYYY-MM-DD") from None
