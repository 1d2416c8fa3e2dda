"""Commits that bring the same change: cherry-picks, one pull request seen twice, one subject used again."""

import re
from collections.abc import Collection, Sequence

from aiops_changelog.engine.message import Message
from aiops_changelog.engine.reverts import subject_key

_PICKED = re.compile(r"^\(cherry picked from commit ([0-9a-fA-F]{7,64})\)", re.MULTILINE)
_WORD = re.compile(r"\w+")
_SIMILAR = 0.6
_MOST_COMPARED = 20


def groups(messages: Sequence[Message], hashes: Sequence[str | None], merges: Collection[int] = ()) -> list[list[int]]:
    """Positions of ``messages`` partitioned into changes, in order of each group's first member.

    ``merges`` are the positions of merges: their title often repeats a commit's description without its type.
    """
    parent = list(range(len(messages)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def join(i: int, j: int) -> None:
        low, high = sorted((root(i), root(j)))
        parent[high] = low

    seen: dict[object, int] = {}
    by_request: dict[str, list[int]] = {}
    for i, message in enumerate(messages):
        for key in _keys(message, hashes[i]):
            join(seen.setdefault(key, i), i)
        if message.pull_request:
            others = by_request.setdefault(message.pull_request, [])
            for other in others[:_MOST_COMPARED]:
                if _similarity(messages[other].description, message.description) >= _SIMILAR:
                    join(other, i)
                    break
            others.append(i)
    by_description = {subject_key(messages[i].description): i for i in merges}
    if by_description:
        for i, message in enumerate(messages):
            merge = by_description.get(subject_key(message.description))
            if merge is not None:
                join(merge, i)
    members: dict[int, list[int]] = {}
    for i in range(len(messages)):
        members.setdefault(root(i), []).append(i)
    return list(members.values())


def _keys(message: Message, commit_hash: str | None) -> list[object]:
    keys: list[object] = []
    if subject := subject_key(message.subject):
        keys.append(("subject", subject))
    if commit_hash:
        keys.append(("hash", commit_hash.lower()))
    if "(cherry picked from commit " in message.rest:
        keys += [("hash", source.lower()) for source in _PICKED.findall(message.rest)]
    return keys


def _similarity(one: str, other: str) -> float:
    """Jaccard index of the two sets of words, 0 to 1."""
    first, second = set(_WORD.findall(one.casefold())), set(_WORD.findall(other.casefold()))
    return len(first & second) / len(first | second) if first or second else 0.0
