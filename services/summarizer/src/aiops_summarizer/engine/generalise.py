"""Finds the variable words that no type gives away, one slot at a time.

A slot is generalised only where at least four distinct words were seen at it while everything else was equal. Lines
that differ only in a word with fewer values ("VM Started", "VM Paused") are therefore never merged.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from aiops_summarizer.engine.masking import WILD, fold_runs

MIN_VALUES: Final = 4
"""Distinct words at one slot from which on it is variable."""

_MAX_PARTS: Final = 256
"""Templates of more parts are prose or data, and stay as they are."""

_MAX_SLOTS: Final = 64
"""Slots of one template that are looked at; the bound keeps memory proportional to the number of templates."""

_MAX_TRIED: Final = 64
"""Sets of slots that are tried on a new template; the bound keeps hostile logs from slowing every line down."""

MIN_SUBJECTS: Final = 32
"""The same for the word that a message starts with: it names what the message is about, and is seldom variable."""

Parts = tuple[str, ...]
"""A template cut into words, delimiters, spaces and wildcards; joined they are the template again."""

_LONE = re.compile(r"[^\s=,;:()\[\]{}'\"|<>/]+")
_PARTS = re.compile(rf"<\*>|{_LONE.pattern}|.", re.DOTALL)
_PLAIN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_NUMBERED = re.compile(r"\d|^<\*>$")
_OPEN_VALUES: Final = 16
"""Distinct plain words from which on no evidence is asked for that there are more."""
_RARE: Final = 2
"""Lines of a word that came no more often than that tell of others that did not come at all."""
_UNIT = re.compile(r"<\*> (?:[KMGTkmgt]i?)?B\b")
_EMPTY = re.compile(r"(?<=\s)(?:\(\)|\[\]|''|\"\")(?!\S*\()")
_FIXED = re.compile(r"HTTP[1-5]\d\d|\W+")


def split(template: str) -> Parts:
    """Cut ``template`` into parts."""
    return tuple(_PARTS.findall(template))


def is_word(part: str) -> bool:
    """Whether ``part`` may vary: delimiters, wildcards and HTTP status codes do not."""
    return part.isalpha() or (part != WILD and not _FIXED.fullmatch(part))


def generalise(counts: Mapping[str, int]) -> dict[str, str]:
    """Map every template to the one it is merged into (or to itself); the order of the input does not matter.

    ``counts``: lines per template. Only templates of equally many parts can be merged, so they are taken apart length
    by length, the longest first: folding wildcards makes a template shorter, never longer.
    """
    folded = fold_units(counts)
    totals: dict[str, int] = {}
    for origin, template in folded.items():
        totals[template] = totals.get(template, 0) + counts[origin]
    lengths: dict[int, set[str]] = {}
    for template in totals:
        lengths.setdefault(len(split(template)), set()).add(template)
    merged: dict[str, str] = {}
    while length := max((length for length in lengths if length <= _MAX_PARTS), default=0):
        parts = {template: split(template) for template in lengths.pop(length)}
        while merges := _round(parts, totals):
            merged.update(merges)
            for template, general in merges.items():
                totals[general] = totals.get(general, 0) + totals.pop(template)
                del parts[template]
            for general in set(merges.values()):
                sequence = split(general)
                if len(sequence) == length:
                    parts[general] = sequence
                else:
                    lengths.setdefault(len(sequence), set()).add(general)
    return _resolved(folded, merged, totals)


def _resolved(folded: Mapping[str, str], merged: Mapping[str, str], left: Collection[str]) -> dict[str, str]:
    """Follow every template to what it became; what differs from a merged one at several slots is a case of it, too."""
    general = {template for template in merged.values() if template not in merged}
    matcher = Matcher(general)
    goal = {}
    for template in left:
        case = template if template in general else matcher.match(template) or template
        goal[template] = _filled(case, left)
    found = {}
    for origin, template in folded.items():
        last = template
        while last in merged:
            last = merged[last]
        found[origin] = goal[last]
    return found


def _filled(template: str, known: Collection[str]) -> str:
    """The template that says "(<*>)" where this one says "()": nothing is a value, too."""
    for found in _EMPTY.finditer(template):
        filled = f"{template[: found.start() + 1]}{WILD}{template[found.end() - 1 :]}"
        if filled in known:
            return filled
    return template


def _variable(values: Mapping[str, int], slot: int, example: Parts) -> bool:
    """Whether the words at ``slot``, with the number of lines of each, vary without end.

    Few plain words that all come again and again are the states of something; a name or a user that is one of many is
    seen once or twice, too. What is written like a name, part of one, or a value needs no such evidence.
    """
    distinct = len(values) - (WILD in values)
    if distinct < MIN_VALUES or (not slot and distinct < MIN_SUBJECTS and not all(map(_NUMBERED.search, values))):
        return False
    in_name = example[slot - 1 : slot] in (("=",), ("/",)) or example[slot + 1 : slot + 2] == ("/",)
    if in_name or distinct >= _OPEN_VALUES or WILD in values or not all(map(_PLAIN.fullmatch, values)):
        return True
    rare = sum(1 for lines in values.values() if lines <= _RARE)
    return rare * 4 >= distinct


def _round(parts: dict[str, Parts], totals: Mapping[str, int]) -> dict[str, str]:
    """One round of merges: the slots with most values first, each template in one merge at most."""
    merges: dict[str, str] = {}
    for slot, members in _candidates(parts, totals):
        left = [template for template in members if template not in merges]
        if not left or not _variable(_values(left, slot, parts, totals), slot, example := parts[left[0]]):
            continue
        merged = fold_runs("".join((*example[:slot], WILD, *example[slot + 1 :])))
        merges.update(dict.fromkeys((template for template in left if template != merged), merged))
    return merges


def _values(members: list[str], slot: int, parts: dict[str, Parts], totals: Mapping[str, int]) -> dict[str, int]:
    return {parts[member][slot]: totals[member] for member in members}


def _candidates(parts: dict[str, Parts], totals: Mapping[str, int]) -> list[tuple[int, list[str]]]:
    """Slots with enough distinct words, and the templates that are equal but for the slot."""
    seen: set[int] = set()
    again: set[int] = set()
    for sequence in parts.values():
        for _, hole in _holes(sequence):
            (again if hole in seen else seen).add(hole)
    del seen
    slots: dict[tuple[int, int], list[str]] = {}
    for template, sequence in parts.items():
        for at, hole in _holes(sequence):
            if hole in again:
                slots.setdefault((at, hole), []).append(template)
    found = [
        (at, sorted(members))
        for (at, _), members in slots.items()
        if len(members) >= MIN_VALUES and _variable(_values(members, at, parts, totals), at, parts[members[0]])
    ]
    found.sort(key=lambda candidate: (-len(candidate[1]), candidate[1][0], candidate[0]))
    return found


def _holes(sequence: Parts) -> Iterator[tuple[int, int]]:
    """Slots that may vary, each with a hash of the sequence with a hole there: the sum of the parts without one."""
    hashes = [hash((at, part)) for at, part in enumerate(sequence)]
    whole = sum(hashes)
    open_slots = (at for at, part in enumerate(sequence) if part == WILD or is_word(part))
    for at in islice(open_slots, _MAX_SLOTS):
        yield at, hash((at, whole - hashes[at]))


def fold_units(templates: Iterable[str]) -> dict[str, str]:
    """Map every template to itself, or to the one without the units of its sizes where several units were seen.

    Sizes for people are written with the unit that fits ("512 B", "2.1 KB"); "<*> MB" that is always MB says more.
    """
    goal = {template: template for template in templates}
    shapes: dict[str, list[str]] = {}
    for template in goal:
        if _UNIT.search(template):
            shapes.setdefault(_UNIT.sub(WILD, template), []).append(template)
    for folded, members in shapes.items():
        if len(members) > 1 or folded in goal:
            goal.update(dict.fromkeys(members, folded))
    return goal


class Matcher:
    """Finds the generalised template that a new one is a case of."""

    def __init__(self, templates: Collection[str]) -> None:
        self._by_token: _Index = {}
        self._by_part: _Index = {}
        for template in sorted(templates):
            # Cutting at spaces is far quicker, and enough where no variable part is joined to something else.
            tokens = tuple(template.split(" "))
            is_apart = all(token == WILD for token in tokens if WILD in token)
            index, parts = (self._by_token, tokens) if is_apart else (self._by_part, split(template))
            holes = tuple(at for at, part in enumerate(parts) if part == WILD)
            index.setdefault(len(parts), {}).setdefault(holes, {})[parts] = template

    def match(self, template: str) -> str | None:
        """The generalised template that equals ``template`` but for its variable words."""
        found = _case_of(self._by_token, template.split(" "), _is_lone_word) if self._by_token else None
        return found or (_case_of(self._by_part, [*split(template)], is_word) if self._by_part else None)


_Index = dict[int, dict[tuple[int, ...], dict[Parts, str]]]
"""Number of parts → places of the wildcards → parts → template."""


def _is_lone_word(token: str) -> bool:
    return token.isalpha() or (_LONE.fullmatch(token) is not None and is_word(token))


def _case_of(index: _Index, parts: list[str], may_vary: Callable[[str], bool]) -> str | None:
    for holes, known in islice(index.get(len(parts), {}).items(), _MAX_TRIED):
        opened = parts.copy()
        for at in holes:
            opened[at] = WILD
        found = known.get(tuple(opened))
        # Looked at last: of the many that are tried, few are found.
        if found is not None and all(may_vary(parts[at]) for at in holes if parts[at] != WILD):
            return found
    return None
