"""Finds the variable words that no type gives away, one slot at a time.

A slot is generalised only where at least four distinct words were seen at it while everything else was equal. Lines
that differ only in a word with fewer values ("VM Started", "VM Paused") are therefore never merged.
"""

import re
from collections.abc import Collection, Iterable
from itertools import islice
from typing import Final

from aiops_summarizer.engine.masking import WILD, fold_runs

MIN_VALUES: Final = 4
"""Distinct words at one slot from which on it is variable."""

_MAX_SLOTS: Final = 64
"""Slots of one template that are looked at; the bound keeps memory proportional to the number of templates."""

MIN_SUBJECTS: Final = 32
"""The same for the word that a message starts with: it names what the message is about, and is seldom variable."""

Parts = tuple[str, ...]
"""A template cut into words, delimiters, spaces and wildcards; joined they are the template again."""

_PARTS = re.compile(r"<\*>|[^\s=,;:()\[\]{}'\"|<>]+|.", re.DOTALL)
_EMPTY = re.compile(r"(?<=\s)(?:\(\)|\[\]|''|\"\")(?!\S*\()")
_FIXED = re.compile(r"HTTP[1-5]\d\d|\W+")


def split(template: str) -> Parts:
    """Cut ``template`` into parts."""
    return tuple(_PARTS.findall(template))


def is_word(part: str) -> bool:
    """Whether ``part`` may vary: delimiters, wildcards and HTTP status codes do not."""
    return part != WILD and not _FIXED.fullmatch(part)


def generalise(templates: Iterable[str]) -> dict[str, str]:
    """Map every template to the one it is merged into (or to itself); the order of the input does not matter."""
    goal = {template: template for template in templates}
    parts = {template: split(template) for template in goal}
    while merges := _round(parts):
        goal = {origin: merges.get(template, template) for origin, template in goal.items()}
        parts = {template: parts.get(template) or split(template) for template in goal.values()}
    return {origin: _filled(template, parts) for origin, template in goal.items()}


def _filled(template: str, known: Collection[str]) -> str:
    """The template that says "(<*>)" where this one says "()": nothing is a value, too."""
    for found in _EMPTY.finditer(template):
        filled = f"{template[: found.start() + 1]}{WILD}{template[found.end() - 1 :]}"
        if filled in known:
            return filled
    return template


def _variable(values: set[str], slot: int) -> bool:
    return len(values - {WILD}) >= (MIN_VALUES if slot else MIN_SUBJECTS)


def _round(parts: dict[str, Parts]) -> dict[str, str]:
    """One round of merges: the slots with most values first, each template in one merge at most."""
    merges: dict[str, str] = {}
    for slot, members in _candidates(parts):
        left = [template for template in members if template not in merges]
        if not _variable({parts[template][slot] for template in left}, slot):
            continue
        example = parts[left[0]]
        merged = fold_runs("".join((*example[:slot], WILD, *example[slot + 1 :])))
        merges.update(dict.fromkeys(left, merged))
    return merges


def _candidates(parts: dict[str, Parts]) -> list[tuple[int, list[str]]]:
    """Slots with enough distinct words, and the templates that are equal but for the slot."""
    slots: dict[tuple[int, int, int], list[str]] = {}
    for template, sequence in parts.items():
        hashes = [hash((at, part)) for at, part in enumerate(sequence)]
        whole = sum(hashes)
        open_slots = (at for at, part in enumerate(sequence) if part == WILD or is_word(part))
        for at in islice(open_slots, _MAX_SLOTS):
            # The sum without one summand stands for the sequence with a hole there.
            slots.setdefault((len(sequence), at, whole - hashes[at]), []).append(template)
    found = [
        (at, sorted(members))
        for (_, at, _), members in slots.items()
        if len(members) >= MIN_VALUES and _variable({parts[member][at] for member in members}, at)
    ]
    found.sort(key=lambda candidate: (-len(candidate[1]), candidate[1][0], candidate[0]))
    return found


class Matcher:
    """Finds the generalised template that a new one is a case of."""

    def __init__(self) -> None:
        self._holes: dict[int, dict[tuple[int, ...], dict[Parts, str]]] = {}

    def add(self, template: str) -> None:
        """Remember a generalised template."""
        parts = split(template)
        holes = tuple(at for at, part in enumerate(parts) if part == WILD)
        self._holes.setdefault(len(parts), {}).setdefault(holes, {})[parts] = template

    def match(self, template: str) -> str | None:
        """The remembered template that equals ``template`` but for its variable words."""
        if not self._holes:
            return None
        parts = split(template)
        for holes, known in self._holes.get(len(parts), {}).items():
            if all(parts[at] == WILD or is_word(parts[at]) for at in holes):
                opened = list(parts)
                for at in holes:
                    opened[at] = WILD
                found = known.get(tuple(opened))
                if found is not None:
                    return found
        return None
