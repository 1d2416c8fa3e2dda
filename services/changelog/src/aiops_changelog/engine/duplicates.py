"""Commits that bring the same change: cherry-picks, one pull request seen twice, one subject used again."""

import re
from collections.abc import Sequence

from aiops_changelog.engine.message import Message
from aiops_changelog.engine.reverts import subject_key

_PICKED = re.compile(r"^\(cherry picked from commit ([0-9a-fA-F]{7,64})\)", re.MULTILINE)
_WORD = re.compile(r"\w+")
_SIMILAR = 0.6
_MOST_COMPARED = 20
_COMPARED = 300


def groups(messages: Sequence[Message], hashes: Sequence[str | None], merges: Sequence[int] = ()) -> list[list[int]]:
    """Positions of ``messages`` partitioned into changes, in order of each group's first member.

    ``merges`` are the positions of merges: their title often repeats a commit's description without its type.
    """
    found = _Partition(len(messages))
    seen: dict[object, int] = {}
    by_request: dict[str, list[int]] = {}
    for i, message in enumerate(messages):
        for key in _keys(message, hashes[i]):
            first = seen.setdefault(key, i)
            if first != i:
                found.join(first, i)
        if message.pull_request:
            others = by_request.setdefault(message.pull_request, [])
            similar = next((other for other in others[:_MOST_COMPARED] if _similar(messages[other], message)), None)
            if similar is not None:
                found.join(similar, i)
            others.append(i)
    if merges:
        titles = {subject_key(messages[i].description): i for i in merges}
        for i, message in enumerate(messages):
            found.join(titles.get(subject_key(message.description), i), i)
    return found.parts()


class _Partition:
    """Disjoint sets of 0 … size-1, each led by its lowest member."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def _root(self, i: int) -> int:
        parent = self._parent
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    def join(self, i: int, j: int) -> None:
        one, other = self._root(i), self._root(j)
        self._parent[max(one, other)] = min(one, other)

    def parts(self) -> list[list[int]]:
        members: dict[int, list[int]] = {}
        for i in range(len(self._parent)):
            members.setdefault(self._root(i), []).append(i)
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


def _similar(one: Message, other: Message) -> bool:
    """Whether the two descriptions share most of their words (Jaccard index)."""
    first, second = (set(_WORD.findall(message.description[:_COMPARED].casefold())) for message in (one, other))
    return len(first & second) >= _SIMILAR * len(first | second)
