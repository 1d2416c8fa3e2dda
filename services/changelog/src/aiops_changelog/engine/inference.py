"""Which section a change without a well-known type belongs to, from its words and the files it touched."""

import re
import string
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from aiops_changelog.domain import ChangeSection as Section
from aiops_changelog.engine import sections, vocabulary

ENOUGH = 0.5
"""Confidence below which a person has to look."""

_CONSIDERED = 300
_TAG = re.compile(r"[\[(]([\w /.-]{1,40})[\])]:?\s*|(?:[\w./*-]{1,40}(?:, ?[\w./*-]{1,40}){0,3}:\s+)")
_STATED_TYPE = re.compile(r"([a-z]+)(?:\s?\([^)]*\))?!?\s?(?::|/|\s-\s|\s\|\s)|([a-z]+)\([^)]*\)\s")
_OBJECT_REACH = 5
_NEGATING = ("not", "more")
# Python 3.11 takes thirty times as long to read a member off its enumeration as to read a name.
_ADDED, _CHANGED, _DEPRECATED = Section.ADDED, Section.CHANGED, Section.DEPRECATED
_REMOVED, _FIXED, _SECURITY, _INTERNAL = Section.REMOVED, Section.FIXED, Section.SECURITY, Section.INTERNAL
_NOT_PERFORMANCE = (_ADDED, _REMOVED, _DEPRECATED)
# Words are what stands between blanks and punctuation; "don't" and snake_case stay whole.
_PUNCTUATION = "".join(set(string.punctuation) - set("'_")).encode()
_SPACES = bytes.maketrans(_PUNCTUATION, b" " * len(_PUNCTUATION))


class Inference(NamedTuple):
    """A section and how sure that is, 0 to 1."""

    section: Section
    confidence: float


def infer(subject: str, paths: Sequence[str] = ()) -> Inference:
    """Best guess for one free-form subject; ``paths`` are the files it changed, as far as they are known."""
    text = subject[:_CONSIDERED].lower().strip()
    guess = _from_words(text)
    if paths and guess.section is not _SECURITY and all(map(vocabulary.INTERNAL_PATH.search, paths)):
        return Inference(_INTERNAL, 0.9)
    return guess


def _from_words(text: str) -> Inference:
    if "." in text and vocabulary.RELEASE.fullmatch(text):
        return Inference(_INTERNAL, 0.9)
    first = text.partition(" ")[0]
    if first in vocabulary.DEPENDENCY_VERBS and vocabulary.DEPENDENCY.match(text):
        return Inference(_INTERNAL, 0.9)
    tagged = None
    if ":" in text or "/" in text or "[" in text or " - " in text or "|" in text or "(" in first:
        stated = _STATED_TYPE.match(text)
        if stated and (stated[1] or stated[2]) in sections.TYPES:
            return Inference(sections.TYPES[stated[1] or stated[2]][0], 0.85)
        tagged, text = _without_tags(text)
    words = text.encode(errors="replace").translate(_SPACES).decode().split()  # str.translate takes five times as long
    if len(words) < 2:
        return tagged or _of_one_word(words)
    guess = _strongest(words)
    return tagged if tagged and tagged.confidence > guess.confidence else guess


def _of_one_word(words: list[str]) -> Inference:
    word = words[0] if words else ""
    if word in vocabulary.INTERNAL_NOUNS or vocabulary.VERBS.get(word) is _INTERNAL:
        return Inference(_INTERNAL, 0.7)
    return Inference(_CHANGED, 0.2)


def _without_tags(text: str) -> tuple[Inference | None, str]:
    """What leading tags such as "[FIX]" or "parser:" say, and the text behind them."""
    guess = None
    for _ in range(3):
        tag = _TAG.match(text)
        if not tag or tag.end() == len(text):
            break
        guess = guess or _of_tag((tag[1] or tag[0].rstrip(": ")).strip())
        text = text[tag.end() :]
    return guess, text


def _of_tag(name: str) -> Inference | None:
    if name in sections.TYPES:
        return Inference(sections.TYPES[name][0], 0.85)
    if (name.startswith(".") and not name.startswith(".net")) or not vocabulary.AREAS.isdisjoint(name.split("/")):
        return Inference(_INTERNAL, 0.85)
    return Inference(vocabulary.CUES[name], 0.6) if name in vocabulary.CUES else None


def _strongest(words: list[str]) -> Inference:
    verb, place = _leading_verb(words)
    cues = _cues(words)
    internal = verb is _INTERNAL or _INTERNAL in cues or _is_internal(words, place)
    if (_SECURITY in cues and (verb is _FIXED or not internal)) or _discloses_less(words, verb):
        return Inference(_SECURITY, 0.85 if verb else 0.7)
    if verb is _DEPRECATED or (_DEPRECATED in cues and _is_deprecation(words, verb)):
        return Inference(_DEPRECATED, 0.9)
    if _CHANGED in cues and verb not in _NOT_PERFORMANCE and not vocabulary.PERFORMANCE.isdisjoint(words):
        return Inference(_CHANGED, 0.7)
    if internal:
        return Inference(_INTERNAL, 0.8)
    if _says_fixed(words, verb, cues):
        return Inference(_FIXED, 0.6)
    return Inference(verb, 0.8 if place == 0 else 0.7) if verb else _without_verb(words, cues)


def _is_deprecation(words: list[str], verb: Section | None) -> bool:
    if "deprecated" in words and "as" in words:
        return True
    return ("deprecation" in words or "deprecationwarning" in words) and verb in (None, _ADDED, _CHANGED)


def _discloses_less(words: list[str], verb: Section | None) -> bool:
    """Whether a secret is kept that was not: "do not log passwords", "fix leak of a token"."""
    if vocabulary.SECRETS.isdisjoint(words) or "memory" in words:
        return False
    if verb is _FIXED and not vocabulary.LEAKS.isdisjoint(words):
        return True
    negated = words[0] in vocabulary.PREVENTIONS or f"{words[0]} {words[1]}" in vocabulary.NEGATED
    return negated and any(
        word in vocabulary.DISCLOSURES and after not in ("in", "out") for word, after in pairwise([*words, ""])
    )


def _says_fixed(words: list[str], verb: Section | None, cues: list[Section]) -> bool:
    """Whether it says that something happens no more, or what is wrong, rather than what is new."""
    if words[0] == "no" and words[1] == "longer":
        return False
    if words[0] in vocabulary.NEGATIONS or (words[1] in _NEGATING and f"{words[0]} {words[1]}" in vocabulary.NEGATED):
        return True
    return (verb is _CHANGED and _FIXED in cues) or (verb is None and words[0] in ("only", "always"))


def _without_verb(words: list[str], cues: list[Section]) -> Inference:
    for section in (_FIXED, _REMOVED, _ADDED, _CHANGED):
        if section in cues:
            return Inference(section, 0.6)
    if not vocabulary.COMPLAINTS.isdisjoint(words):
        return Inference(_FIXED, 0.5)
    inside = next((vocabulary.VERBS[word] for word in words if word in vocabulary.VERBS), None)
    if inside:
        return Inference(inside, 0.5)
    return Inference(_CHANGED, 0.3) if vocabulary.CONDITIONS.isdisjoint(words) else Inference(_FIXED, 0.5)


def _leading_verb(words: list[str]) -> tuple[Section | None, int]:
    """Section of the verb that opens the subject, and its place; fillers may stand before it."""
    if words[0] == "no" and words[1] == "longer" and words[-1] != "longer" and words[2] in vocabulary.SUPPLIES:
        return _REMOVED, 0
    for place, word in enumerate(words[:4]):
        if word in vocabulary.VERBS:
            return vocabulary.VERBS[word], place
        if word not in vocabulary.FILLERS:
            break
    return None, 0


def _cues(words: list[str]) -> list[Section]:
    """What single words and pairs of words say, wherever they stand."""
    found: list[Section] = []
    if not vocabulary.CUE_WORDS.isdisjoint(words):
        found += [vocabulary.CUES[word] for word in words if word in vocabulary.CUES]
    if not vocabulary.PAIR_WORDS.isdisjoint(words):
        pairs = map(" ".join, pairwise(words))
        found += [vocabulary.PAIRS[pair] for pair in pairs if pair in vocabulary.PAIRS]
    return found


def _is_internal(words: list[str], place: int) -> bool:
    """Whether the thing changed is one that users do not see: "fix flaky test", not "add flag for tests"."""
    for word in words[place : place + _OBJECT_REACH]:
        if word in vocabulary.INTERNAL_NOUNS or word[:5] == "test_":
            return True
        if word in vocabulary.OUTSIDE or (place and word in ("for", "in")):
            return False
    return False
