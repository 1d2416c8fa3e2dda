"""The stream of ``git log`` as commits. Decoding only, no IO."""

from collections.abc import Iterable, Iterator

from aiops_changelog.domain import Commit

GIT_FORMAT = "%H%x00%an%x00%B"
"""For ``git log -z --format=``: three fields a commit, none of which can hold a NUL."""
GIT_FORMAT_WITH_PATHS = f"%x00{GIT_FORMAT}"
"""With ``--name-only``: an empty field opens a commit, for no path is empty; three fields and the paths follow."""


def from_git(chunks: Iterable[bytes]) -> Iterator[Commit]:
    """Commits of a ``git log -z --format=GIT_FORMAT`` stream, cut into chunks anywhere."""
    waiting: list[str] = []
    for fields in _fields(chunks):
        waiting += fields
        whole = len(waiting) - len(waiting) % 3
        for at in range(0, whole, 3):
            yield Commit(waiting[at + 2], waiting[at], waiting[at + 1] or None)
        del waiting[:whole]


def from_git_with_paths(chunks: Iterable[bytes]) -> Iterator[Commit]:
    """Commits of a ``git log -z --format=GIT_FORMAT_WITH_PATHS --name-only`` stream, cut into chunks anywhere."""
    record: list[str] = []
    for fields in _fields(chunks):
        for field in fields:
            if not field and (not record or len(record) > 3):
                if record:
                    yield _from_record(record)
                record = [""]
            else:
                record.append(field)
    if len(record) > 3:
        yield _from_record(record)


def _fields(chunks: Iterable[bytes]) -> Iterator[list[str]]:
    """The fields that each chunk completes; what no NUL ends comes last."""
    parts: list[bytes] = []
    for chunk in chunks:
        complete, separator, rest = chunk.rpartition(b"\0")
        if separator:
            parts.append(complete)
            yield b"".join(parts).decode(errors="replace").split("\0")
            parts = [rest]
        else:
            parts.append(chunk)
    if rest := b"".join(parts):
        yield [rest.decode(errors="replace")]


def _from_record(record: list[str]) -> Commit:
    _, commit_hash, author, message, *paths = record
    if paths:
        paths[0] = paths[0].removeprefix("\n")
    return Commit(message, commit_hash, author or None, paths=tuple(paths))
