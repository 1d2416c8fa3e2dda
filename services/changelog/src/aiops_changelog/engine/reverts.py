"""Which commits are cancelled by reverts of the same release, and which reverts are thereby spent."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from aiops_changelog.engine import quoting, references
from aiops_changelog.engine.message import Message, subject_key

_HASH = r"[0-9a-fA-F]{4,64}"
_STATED = re.compile(rf"^This reverts commits?:?\s+((?:{_HASH}\b(?:[\s,]+(?:and\s+)?|\.?$|\.?\s)?)+)", re.MULTILINE)
_HASHES = re.compile(rf"\b{_HASH}\b")
_STATED_REQUEST = re.compile(r"^Reverts ([\w.-]+/[\w.-]+)?#([0-9]+)\b", re.MULTILINE)
_QUOTED = re.compile(r"(?:Revert|revert:)\s+[\"'](.*)[\"']$", re.DOTALL)
_REAPPLIED = re.compile(r"Reapply\s+\"(.*)\"$", re.DOTALL)
_PLAIN = ("Revert ", "Reverts ", "Reverted ", "Reapply ")
_HASH_FOOTERS = frozenset(("refs", "ref", "reverts", "revert"))
_SHORTEST_UNMARKED = 7
_LONGER_THAN_WORDS = 16
_MOST_OF_A_REQUEST = 100
_WHOLE = 40


@dataclass(slots=True)
class Revert:
    """What one message says it reverts. ``pure``: its subject announces a revert and nothing else.

    ``repository`` is whose pull request it is, as ``owner/name``; None where that is not said.
    """

    pure: bool
    hashes: list[str] = field(default_factory=list)
    subject: str | None = None
    pull_request: str | None = None
    repository: str | None = None

    def is_of(self, project: str) -> bool:
        """Whether its pull request is one of the project: no repository is named, or one that is called like it."""
        if self.repository is None:
            return True
        whole = self.repository.lower()
        return project.lower() in (whole, whole.partition("/")[2])


@dataclass(slots=True)
class Cancellation:
    """Positions of commits: ``reverted`` cancel out, ``unclear`` are reverts whose target cannot be told."""

    reverted: set[int]
    unclear: set[int]


def stated(message: Message) -> Revert | None:
    """The revert that a message states, None for any other message."""
    announced = message.type == "revert" or (message.subject[:2] == "Re" and message.subject.startswith(_PLAIN))
    if not announced and (not message.rest or "This reverts commit" not in message.rest):
        return None
    visible = quoting.masked(message.rest)
    hashes = _stated_hashes(visible)
    if announced:
        for footer in message.footers:
            if footer.token.lower() in _HASH_FOOTERS and footer.separator == ":":
                hashes += [h for h in _HASHES.findall(footer.value) if len(h) >= _SHORTEST_UNMARKED]
    elif not hashes:
        return None
    request = _STATED_REQUEST.search(visible) if announced else None
    subject = _quoted_subject(message) if announced else None
    return Revert(announced, hashes, subject, request[2], request[1]) if request else Revert(announced, hashes, subject)


def _stated_hashes(text: str) -> list[str]:
    hashes: list[str] = []
    for match in _STATED.finditer(text):
        first, *others = _HASHES.findall(match[1])
        hashes += [first, *filter(_is_no_word, others)]
    return hashes


def _is_no_word(text: str) -> bool:
    # Behind the first hash, words such as "added" and "defaced" are made of hexadecimal digits too.
    return len(text) >= _LONGER_THAN_WORDS or (len(text) >= _SHORTEST_UNMARKED and any(c.isdigit() for c in text))


def _quoted_subject(message: Message) -> str | None:
    plain = references.split_request(message.subject)[0]
    if reapplied := _REAPPLIED.match(plain):
        return f'Revert "{reapplied[1]}"'
    if quoted := _QUOTED.match(plain):
        return quoted[1]
    return message.description if message.type == "revert" else None


def resolve(
    messages: Sequence[Message], hashes: Sequence[str | None], reverts: Mapping[int, Revert], *, project: str
) -> Cancellation:
    """Cancel what was reverted within ``messages``; ``hashes`` are theirs, None where a commit has none.

    ``reverts`` are the positions of those that state a revert, and what they state.

    A revert names its target by hash (any prefix), else by a pull request of ``project``, else by subject. A commit
    stands unless a standing commit reverts it, so the revert of a revert restores. A pure revert all of whose targets
    are here is spent and goes with them. Of several commits with the quoted subject the next one in input order is
    meant, for `git log` lists the newest first.
    """
    if not reverts:
        return Cancellation(set(), set())
    finder = _Targets(messages, hashes, reverts.values(), project)
    targets: dict[int, set[int]] = {}
    unclear: set[int] = set()
    complete: set[int] = set()
    for i, revert in reverts.items():
        found = finder.find(i, revert)
        targets[i] = {target for candidates in found if len(candidates) == 1 for target in candidates} - {i}
        if any(len(candidates) > 1 for candidates in found):
            unclear.add(i)
        if targets[i] and all(len(candidates) == 1 for candidates in found):
            complete.add(i)
    standing = _standing(targets)
    reverted = {target for i, found_ in targets.items() if standing[i] for target in found_}
    spent = {i for i in complete if reverts[i].pure}
    return Cancellation(reverted | spent, unclear - reverted)


def _standing(targets: dict[int, set[int]]) -> dict[int, bool]:
    """Whether each revert stands: none that stands reverts it. Iterative, for chains may be long; cycles end."""
    reverters: dict[int, list[int]] = {i: [] for i in targets}
    for i, found in targets.items():
        for target in found & targets.keys():
            reverters[target].append(i)
    standing: dict[int, bool] = {}
    entered: set[int] = set()
    for start in targets:
        stack = [start]
        while stack:
            i = stack[-1]
            waiting = [] if i in entered else [r for r in reverters[i] if r not in standing and r not in entered]
            entered.add(i)
            if waiting:
                stack += waiting
                continue
            stack.pop()
            if i not in standing:
                standing[i] = not any(standing.get(reverter, False) for reverter in reverters[i])
    return standing


class _Targets:
    """Finds commits by hash prefix, pull request and subject."""

    def __init__(
        self, messages: Sequence[Message], hashes: Sequence[str | None], reverts: Iterable[Revert], project: str
    ) -> None:
        self._project = project
        self._by_hash = {h.lower(): i for i, h in enumerate(hashes) if h}
        self._by_subject: dict[str, list[int]] = {subject_key(r.subject): [] for r in reverts if r.subject is not None}
        self._by_request: dict[str, list[int]] = {}
        for i, message in enumerate(messages):
            if message.key in self._by_subject:
                self._by_subject[message.key].append(i)
            if message.pull_request and not message.subject.startswith("Revert "):
                self._by_request.setdefault(message.pull_request, []).append(i)

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self._by_hash)

    @cached_property
    def _lengths(self) -> list[int]:
        return sorted({len(h) for h in self._by_hash})

    def find(self, position: int, revert: Revert) -> list[list[int]]:
        """Per named target, the positions it may mean: none, one, or several where it is ambiguous."""
        if revert.hashes:
            return [self._with_hash(h.lower()) for h in dict.fromkeys(revert.hashes)]
        if revert.pull_request and revert.pull_request in self._by_request and revert.is_of(self._project):
            known = self._by_request[revert.pull_request]
            # What lands under this number after the revert is not what it reverts: git log lists the newest first.
            parts = known[bisect_right(known, position) :] or known
            return [[i] for i in parts] if len(parts) <= _MOST_OF_A_REQUEST else [parts]
        candidates = self._by_subject.get(subject_key(revert.subject), []) if revert.subject is not None else []
        behind, before = bisect_right(candidates, position), bisect_left(candidates, position)
        return [candidates[behind : behind + 1] or candidates[max(0, before - 1) : before]]

    def _with_hash(self, wanted: str) -> list[int]:
        if len(wanted) == _WHOLE and wanted in self._by_hash:
            return [self._by_hash[wanted]]
        start = bisect_left(self._sorted, wanted)
        nearest = self._sorted[start : start + 2]  # two are enough to be ambiguous
        found = [self._by_hash[known] for known in nearest if known.startswith(wanted)]
        if not found:
            found = [
                self._by_hash[wanted[:n]] for n in self._lengths if n < len(wanted) and wanted[:n] in self._by_hash
            ]
        return found
