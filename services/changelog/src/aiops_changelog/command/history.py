"""Commits of a git repository, as git writes them: nothing waits for the end of the history."""

import contextlib
import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from aiops_changelog.command import gitlog
from aiops_changelog.command.complaints import failure, remark
from aiops_changelog.domain import Commit

_CHUNK = 1 << 20
# Differences as git computes them: neither coloured nor by commands that the repository configures.
_PLAIN = ("--no-color", "--no-textconv", "--no-ext-diff")
# What %B can hold is up to the authors; what the output holds is not, whatever the user configured. Nor does any
# command run that the repository configures: signatures are not checked, submodules and the index not looked at.
_SETTINGS = (
    *("i18n.logOutputEncoding=UTF-8", "log.showSignature=false", "color.ui=false", "core.quotePath=false"),
    *("diff.submodule=short", "core.fsmonitor=false"),
)
# What a partial clone lacks would be fetched in the way that the repository configures.
_ENVIRONMENT = {"GIT_NO_LAZY_FETCH": "1"}


class History:
    """The output of a ``git log`` that runs from the start on; ``commits`` reads it once.

    Raises typer.Exit, with the reason on standard error, for what is no repository or no range of one.
    """

    def __init__(self, repository: Path, range_: str | None, *, with_paths: bool = False) -> None:
        if not repository.is_dir():
            raise failure(f"{repository} is not a directory; --git takes the path of a repository")
        self._repository = repository
        self._range = range_
        # A file, because git could fill a second pipe while we read the first.
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the output is read
        self._with_paths = with_paths
        form = gitlog.GIT_FORMAT_WITH_PATHS if with_paths else gitlog.GIT_FORMAT
        arguments = ["log", "-z", f"--format={form}", "--name-only" if with_paths else "--no-patch"]
        arguments += ["--end-of-options", range_ or "HEAD", "--"]
        self._process = start(repository, arguments, self._complaints)
        ends = _ends(range_)  # asked meanwhile, for the answer takes as long as it is to walk there
        asked = ["merge-base", "--is-ancestor", "--end-of-options", *ends] if ends else []
        self._ancestry = start(repository, asked, subprocess.DEVNULL) if ends else None

    def commits(self) -> Iterator[Commit]:
        """The commits as they come, newest first; git ends when its reader does."""
        return (gitlog.from_git_with_paths if self._with_paths else gitlog.from_git)(self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        assert self._process.stdout is not None
        count, is_read = 0, False
        with self._complaints, self._process:
            try:
                while chunk := os.read(self._process.stdout.fileno(), _CHUNK):
                    count += len(chunk)
                    yield chunk
                is_read = True
            finally:
                self._process.stdout.close()
                returned = self._process.wait()
                is_aside = self._is_aside(is_asked=is_read)
            if returned:
                self._complaints.seek(0)
                raise failure(self._explained(self._complaints.read().decode(errors="replace").strip()))
        if not count:
            self._tell_empty()
        elif is_aside and (ends := _ends(self._range)):
            remark(
                f"{ends[0]} is not an ancestor of {ends[1]}: these are the commits of {ends[1]} that it does not have"
            )

    def _is_aside(self, *, is_asked: bool) -> bool:
        """Whether the range begins where its end does not come from: git answers 1 then, more to what is wrong."""
        if self._ancestry is None:
            return False
        with self._ancestry:
            if not is_asked:  # who stopped reading does not wait for a walk through the history
                self._ancestry.kill()
            return self._ancestry.wait() == 1

    def _explained(self, said: str) -> str:
        """git's complaint in terms of what was asked for."""
        repository, range_ = self._repository, self._range
        if "not a git repository" in said:
            return f"{repository} is not a git repository"
        if range_ is None:
            return f"{repository} has no commits yet" if "HEAD" in said else f"cannot read {repository}: {said}"
        if "unknown revision" in said or "bad revision" in said or "Invalid" in said:
            missing = "; it is a shallow clone: `git fetch --unshallow --tags` may bring it" if self.is_shallow else ""
            return (
                f"{range_} is not a range of commits in {repository}; give FROM..TO with existing tags, branches or "
                f"hashes{missing}"
            )
        return f"cannot read {range_} of {repository}: {said}"

    @property
    def is_shallow(self) -> bool:
        """Whether older commits are missing from this repository; looks where `git clone --depth` leaves its mark."""
        return any((self._repository / place).exists() for place in (".git/shallow", "shallow"))

    def _tell_empty(self) -> None:
        if ends := _ends(self._range):
            turned = f"{ends[1]}..{ends[0]}"
            count = answer(self._repository, ["rev-list", "--count", "--end-of-options", turned, "--"])
            if count not in ("", "0"):
                raise failure(
                    f"{self._range} has no commits, but {turned} has {int(count):,}: give the older end first"
                )
        remark(f"no commits in {self._range or 'the history'} of {self._repository}")


def _ends(range_: str | None) -> tuple[()] | tuple[str, str]:
    """FROM and TO of a range of two dots, nothing for any other."""
    from_, dots, to = (range_ or "").partition("..")
    return (from_ or "HEAD", to or "HEAD") if dots and not to.startswith(".") else ()


def start(repository: Path, arguments: list[str], complaints: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """git with ``arguments``, its output in a pipe that is as large as the system allows."""
    command = ["git", "--no-pager", "-C", str(repository)]
    for setting in _SETTINGS:
        command += ["-c", setting]
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell
            [*command, *arguments], stdout=subprocess.PIPE, stderr=complaints, env=os.environ | _ENVIRONMENT
        )
    except FileNotFoundError:
        raise failure("git is not installed; install it, or give commits on stdin") from None
    with contextlib.suppress(OSError, AttributeError):  # it only saves git from waiting while our modules load
        fcntl.fcntl(process.stdout.fileno(), fcntl.F_SETPIPE_SZ, _CHUNK)  # type: ignore[union-attr]
    return process


def answer(repository: Path, arguments: list[str]) -> str:
    """What git answers to a question, empty where it has no answer."""
    with tempfile.TemporaryFile() as complaints, start(repository, arguments, complaints) as process:
        assert process.stdout is not None
        return process.stdout.read().decode(errors="replace").strip()


def patch_ids(repository: Path, range_: str | None) -> dict[str, str]:
    """Hash → patch id of all commits that change something; git computes every difference, which takes long."""
    with tempfile.TemporaryFile() as complaints:
        log = start(
            repository,
            ["log", "--patch", "--no-merges", "--format=medium", *_PLAIN, "--end-of-options", range_ or "HEAD", "--"],
            complaints,
        )
        with log:
            command = ["git", "-C", str(repository), "patch-id", "--stable"]
            done = subprocess.run(command, stdin=log.stdout, stdout=subprocess.PIPE, stderr=complaints, check=False)  # noqa: S603
        if log.returncode:
            complaints.seek(0)
            said = complaints.read().decode(errors="replace").strip()
            raise failure(f"cannot compare the commits of {repository}, so leave out --patch-ids: {said}")
    pairs = (line.split() for line in done.stdout.decode(errors="replace").splitlines())
    return {commit: patch for patch, commit in pairs}
