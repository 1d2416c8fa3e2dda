"""From commits to changes: each commit once, under an id of its own, with the message that says what it brings."""

import hashlib
from collections.abc import Container, Iterable, Iterator

from aiops_changelog.domain import Commit
from aiops_changelog.engine import merges, reverts
from aiops_changelog.engine.classification import Change
from aiops_changelog.engine.message import Message, parse

SYNTHETIC = "unhashed-"
"""How the id of a commit begins that came without a hash; it is not shown."""

_ENTRY_ID = 12
_OPENS_MERGES = ("M", "A")


def changes(commits: Iterable[Commit]) -> Iterator[Change]:
    """The changes of ``commits`` in their order; a commit that is given twice counts once.

    A commit without a hash, and one whose hash another message already has, gets a stable id from its content.
    """
    messages: dict[str, int] = {}
    others: set[tuple[str, int]] = set()
    synthetic: dict[str, int] = {}
    entry_ids: set[str] = set()
    for commit in commits:
        own = commit.hash
        if own:
            message = hash(commit.message)  # the text itself is let go when it is read
            key = own.lower()
            known = messages.get(key)
            if known is None and key not in synthetic:
                messages[key] = message
            elif known == message or (key, message) in others:
                continue
            else:
                others.add((key, message))
                own = None
        identity = own or _synthetic(commit, synthetic, messages)
        entry_id = identity.removeprefix(SYNTHETIC)[:_ENTRY_ID]
        if entry_id in entry_ids:
            entry_id = _unused(identity, entry_ids)
        entry_ids.add(entry_id)
        written = parse(commit.message)
        said: Message | None = written
        is_merge = False
        if written.subject[:1] in _OPENS_MERGES:
            said, is_merge = merges.said_by(written)
        yield Change(identity, entry_id, own, commit, written, said, is_merge, reverts.stated(written))


def entry_id_of(text: str, taken: set[str]) -> str:
    """Id of an entry that has no commits, from what it says; not one of ``taken``, to which it is added."""
    found = _unused(text, taken)
    taken.add(found)
    return found


def _unused(content: str, taken: set[str]) -> str:
    repeated = 0
    while (found := _digest(f"{content}\0{repeated}")[:_ENTRY_ID]) in taken:
        repeated += 1
    return found


def _synthetic(commit: Commit, repeated: dict[str, int], taken: Container[str]) -> str:
    """Id from message, author and time; equal commits are told apart by how often they came before.

    ``repeated`` holds every id that was given so far, and how often its content came.
    """
    content = "\0".join((commit.message, commit.author or "", str(commit.committed_at or "")))
    first = SYNTHETIC + _digest(f"{content}\0{0}")
    identity = first
    while identity in repeated or identity in taken:
        count = repeated[first] = repeated.get(first, 0) + 1
        identity = SYNTHETIC + _digest(f"{content}\0{count}")
    repeated.setdefault(identity, 0)
    return identity


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode(errors="replace")).hexdigest()[:16]
