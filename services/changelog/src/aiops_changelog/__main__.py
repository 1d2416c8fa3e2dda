"""python -m aiops_changelog: the offline command of the engine, and the service's own commands."""

import datetime as dt
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import orjson
import typer

from aiops_changelog.domain import Commit, Draft
from aiops_changelog.engine import generate, intake, versions
from aiops_changelog.settings import ChangelogSettings
from aiops_common.cli import add_service_commands

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
add_service_commands(cli, name="changelog", package="aiops_changelog", settings_type=ChangelogSettings)

_CHUNK = 1 << 20


@cli.callback()
def _commands() -> None:
    """Changelogs from commits."""


@cli.command()
def render(
    range_: Annotated[str | None, typer.Argument(metavar="[FROM..TO]", help="Commits to take; all without it.")] = None,
    *,
    git: Annotated[Path | None, typer.Option(metavar="REPO", help="Repository to read; stdin without it.")] = None,
    release: Annotated[str | None, typer.Option(help="Version of the release; suggested without it.")] = None,
    previous: Annotated[str | None, typer.Option(help="Release before; FROM where that is a version.")] = None,
    project: Annotated[str | None, typer.Option(help="Name in the notes; the repository's without it.")] = None,
    date: Annotated[str | None, typer.Option(help="Day of the release, YYYY-MM-DD; today (UTC) without it.")] = None,
    paths: Annotated[bool, typer.Option("--paths", help="Also read which files changed; slower.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON instead of Markdown.")] = False,
) -> None:
    """Write the changelog of a git repository, or of commits on stdin (NUL-separated messages, or JSON lines)."""
    released_on = _day(date)
    if git is not None:
        commits = _read_git(git, range_, with_paths=paths)
    elif range_ is not None:
        raise _failure(f"{range_} is a range of a repository: give the repository with --git REPO")
    else:
        commits = _read_stdin()
    if previous is None and range_ and versions.is_version(start := range_.split("..")[0]):
        previous = start
    draft = generate(
        commits,
        project=project or (git.resolve().name if git else "the project"),
        release=release,
        previous_release=previous,
        released_on=released_on,
    )
    _write(draft, as_json=as_json)


def _write(draft: Draft, *, as_json: bool) -> None:
    text = orjson.dumps(draft, option=orjson.OPT_INDENT_2) if as_json else draft.markdown.encode(errors="replace")
    sys.stdout.buffer.write(text.rstrip() + b"\n")


def _read_git(repository: Path, range_: str | None, *, with_paths: bool) -> list[Commit]:
    command = ["git", "-C", str(repository), "-c", "i18n.logOutputEncoding=UTF-8", "-c", "log.showSignature=false"]
    command += ["log", "-z", f"--format={intake.GIT_FORMAT}", *(["--name-only"] if with_paths else ["--no-patch"])]
    command += ["--end-of-options", range_ or "HEAD", "--"]
    if not repository.is_dir():
        raise _failure(f"{repository} is not a directory; --git takes the path of a repository")
    # A file, because git could fill a second pipe while we read the first.
    with tempfile.TemporaryFile() as complaints:
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints)  # noqa: S603 - no shell
        except FileNotFoundError:
            raise _failure("git is not installed; install it, or give commits on stdin") from None
        with process:
            assert process.stdout is not None
            commits = list(intake.from_git(_chunks(process.stdout.fileno())))
        complaints.seek(0)
        said = complaints.read().decode(errors="replace").strip()
    if process.returncode:
        raise _failure(_explained(repository, range_, said))
    if not commits:
        typer.echo(f"no commits in {range_ or 'the history'} of {repository}", err=True)
    return commits


def _chunks(descriptor: int) -> Iterator[bytes]:
    while chunk := os.read(descriptor, _CHUNK):
        yield chunk


def _explained(repository: Path, range_: str | None, said: str) -> str:
    """git's complaint in terms of what was asked for."""
    if "not a git repository" in said:
        return f"{repository} is not a git repository"
    if range_ is None:
        return f"{repository} has no commits yet" if "HEAD" in said else f"cannot read {repository}: {said}"
    if "unknown revision" in said or "bad revision" in said or "Invalid" in said:
        return (
            f"{range_} is not a range of commits in {repository}; give FROM..TO with existing tags, branches or hashes"
        )
    return f"cannot read {range_} of {repository}: {said}"


def _read_stdin() -> list[Commit]:
    if sys.stdin.isatty():
        raise _failure("give --git REPO, or commits on stdin: messages separated by NUL, or JSON lines")
    try:
        commits = intake.from_text(sys.stdin.buffer.read())
    except intake.InvalidCommit as error:
        raise _failure(str(error)) from error
    if not commits:
        raise _failure("no commits on stdin: give messages separated by NUL, or JSON lines")
    return commits


def _day(text: str | None) -> dt.date:
    if text is None:
        return dt.datetime.now(dt.UTC).date()
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise _failure(f"--date {text} is not a day; write it as YYYY-MM-DD") from None


def _failure(message: str) -> typer.Exit:
    typer.echo(f"error: {message}", err=True)
    return typer.Exit(2)


if __name__ == "__main__":
    cli()
