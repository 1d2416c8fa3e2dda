"""Commits that bring the same change: cherry-picks, one pull request seen twice, one subject used again."""

import re
from collections.abc import Iterator, Mapping, Sequence

from aiops_changelog.engine.message import Message, subject_key

_WORD = re.compile(r"\w+")
_SIMILAR = 0.6
_MOST_COMPARED = 20
_COMPARED = 300


def groups(
    messages: Sequence[Message],
    hashes: Sequence[str | None],
    merges: Sequence[int] = (),
    patch_ids: Mapping[str, str] | None = None,
) -> list[list[int]]:
    """Positions of ``messages`` partitioned into changes, in order of each group's first member.

    ``merges`` are the positions of merges: their title often repeats a commit's description without its type.
    ``patch_ids`` maps hashes to what `git patch-id` says of them: equal ids are equal changes, whatever the message.
    """
    found = _Partition()
    found.join_equal((i, message.key) for i, message in enumerate(messages))
    found.join_equal(_picks(messages, hashes))
    if patch_ids:
        found.join_equal((i, patch_ids.get(commit)) for i, commit in enumerate(hashes) if commit)
    _join_requests(messages, found)
    if merges:
        titles = {subject_key(messages[i].description): i for i in merges}
        for i, message in enumerate(messages):
            key = message.key if message.type is None else subject_key(message.description)
            if key in titles:
                found.join(titles[key], i)
    return found.parts(len(messages))


def _picks(messages: Sequence[Message], hashes: Sequence[str | None]) -> Iterator[tuple[int, str]]:
    """Pairs of a position and a hash it stands for: of what it was picked from, and its own where that was picked."""
    picked = {i: message.picked for i, message in enumerate(messages) if message.picked}
    wanted = {source for sources in picked.values() for source in sources}
    for i, commit in enumerate(hashes) if wanted else ():
        if commit and commit.lower() in wanted:
            yield i, commit.lower()
        for source in picked.get(i, ()):
            yield i, source


def _join_requests(messages: Sequence[Message], found: "_Partition") -> None:
    """Join similar subjects that name one pull request; each is compared with a few of the others only."""
    first: dict[str, int] = {}
    others: dict[str, list[int]] = {}
    for i, message in enumerate(messages):
        number = message.pull_request
        if number is None or first.setdefault(number, i) == i:
            continue
        known = others.setdefault(number, [first[number]])
        similar = next((other for other in known if _similar(messages[other], message)), None)
        if similar is not None:
            found.join(similar, i)
        if len(known) < _MOST_COMPARED:
            known.append(i)


class _Partition:
    """Disjoint sets of positions, each led by its lowest member; a position that was never joined stands alone."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}

    def _root(self, i: int) -> int:
        parent = self._parent
        while (above := parent.get(i, i)) != i:
            parent[i] = parent.get(above, above)
            i = above
        return i

    def join(self, i: int, j: int) -> None:
        one, other = self._root(i), self._root(j)
        if one != other:
            self._parent[max(one, other)] = min(one, other)

    def join_equal(self, pairs: Iterator[tuple[int, str | None]]) -> None:
        """Join the positions that have a key in common; an empty one is none."""
        seen: dict[str, int] = {}
        for i, key in pairs:
            if key and (first := seen.setdefault(key, i)) != i:
                self.join(first, i)

    def parts(self, size: int) -> list[list[int]]:
        """All positions below ``size`` in their sets, in order of each set's first member."""
        followers: dict[int, list[int]] = {}
        for i in sorted(self._parent):
            followers.setdefault(self._root(i), []).append(i)
        return [[i, *followers.get(i, ())] for i in range(size) if i not in self._parent]


def _similar(one: Message, other: Message) -> bool:
    """Whether the two descriptions share most of their words (Jaccard index)."""
    first, second = (set(_WORD.findall(message.description[:_COMPARED].casefold())) for message in (one, other))
    return len(first & second) >= _SIMILAR * len(first | second)
