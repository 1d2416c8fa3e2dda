"""Which section a change without a well-known type belongs to, from its words and the files it touched."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from aiops_changelog.domain import ChangeSection as Section
from aiops_changelog.engine import sections, vocabulary

ENOUGH = 0.5
"""Confidence below which a person has to look."""

_CONSIDERED = 300
_WORD = re.compile(r"[^\W_][\w'+/.-]*")
_TAG = re.compile(r"[\[(]([\w /.-]{1,40})[\])]:?\s*|(?:[\w./*-]{1,40}(?:, ?[\w./*-]{1,40}){0,3}:\s+)")
_STATED_TYPE = re.compile(r"([a-z]+)(?:\s?\([^)]*\))?!?\s?(?::|/|\s-\s|\s\|\s)")
_OBJECT_REACH = 5


class Inference(NamedTuple):
    """A section and how sure that is, 0 to 1."""

    section: Section
    confidence: float


def infer(subject: str, paths: Sequence[str] = ()) -> Inference:
    """Best guess for one free-form subject; ``paths`` are the files it changed, as far as they are known."""
    text = subject[:_CONSIDERED].lower().strip()
    guess = _from_words(text)
    if paths and guess.section is not Section.SECURITY and all(map(vocabulary.INTERNAL_PATH.search, paths)):
        return Inference(Section.INTERNAL, 0.9)
    return guess


def _from_words(text: str) -> Inference:
    if vocabulary.RELEASE.fullmatch(text) or vocabulary.DEPENDENCY.match(text):
        return Inference(Section.INTERNAL, 0.9)
    stated = _STATED_TYPE.match(text)
    if stated and stated[1] in sections.TYPES:
        return Inference(sections.TYPES[stated[1]][0], 0.85)
    tagged, text = _without_tags(text)
    words = _WORD.findall(text)
    if len(words) < 2:
        return tagged or Inference(Section.CHANGED, 0.2)
    guess = _strongest(text, words)
    return tagged if tagged and tagged.confidence > guess.confidence else guess


def _without_tags(text: str) -> tuple[Inference | None, str]:
    """What leading tags such as "[FIX]" or "parser:" say, and the text behind them."""
    guess = None
    for _ in range(3):
        tag = _TAG.match(text)
        if not tag or tag.end() == len(text):
            break
        name = (tag[1] or tag[0].rstrip(": ")).strip()
        if name in sections.TYPES:
            guess = guess or Inference(sections.TYPES[name][0], 0.85)
        elif name in vocabulary.INTERNAL_NOUNS:
            guess = guess or Inference(Section.INTERNAL, 0.85)
        text = text[tag.end() :]
    return guess, text


def _strongest(text: str, words: list[str]) -> Inference:
    verb, place = _leading_verb(words)
    if vocabulary.SECURITY_PHRASE.search(text) and (verb is Section.FIXED or not _is_internal(text, words, place)):
        return Inference(Section.SECURITY, 0.85 if verb else 0.7)
    if verb is Section.DEPRECATED or "as deprecated" in text:
        return Inference(Section.DEPRECATED, 0.9)
    if verb is Section.INTERNAL or _is_internal(text, words, place):
        return Inference(Section.INTERNAL, 0.8)
    if vocabulary.NEGATION.match(text) or (verb is Section.CHANGED and vocabulary.FIXED_PHRASE.search(text)):
        return Inference(Section.FIXED, 0.6)
    if verb is not None:
        return Inference(verb, 0.8 if place == 0 else 0.7)
    return _from_phrases(text, words)


def _from_phrases(text: str, words: list[str]) -> Inference:
    for phrase, section in (
        (vocabulary.FIXED_PHRASE, Section.FIXED),
        (vocabulary.ADDED_PHRASE, Section.ADDED),
        (vocabulary.CHANGED_PHRASE, Section.CHANGED),
    ):
        if phrase.search(text):
            return Inference(section, 0.6)
    inside = next((vocabulary.VERBS[word] for word in words if word in vocabulary.VERBS), None)
    return Inference(inside, 0.5) if inside else Inference(Section.CHANGED, 0.3)


def _leading_verb(words: list[str]) -> tuple[Section | None, int]:
    """Section of the verb that opens the subject, and its place; fillers may stand before it."""
    for place, word in enumerate(words[:4]):
        if word in vocabulary.VERBS:
            return vocabulary.VERBS[word], place
        if word not in vocabulary.FILLERS:
            break
    return None, 0


def _is_internal(text: str, words: list[str], place: int) -> bool:
    """Whether the thing changed is one that users do not see: "fix flaky test", not "add flag for tests"."""
    if vocabulary.INTERNAL_PHRASE.search(text):
        return True
    for word in words[place : place + _OBJECT_REACH]:
        if word in ("for", "support", "option", "flag", "command", "when", "in") and place:
            return False
        if word in vocabulary.INTERNAL_NOUNS or word.startswith(("readme", "changelog", "test_", "tests/", "docs/")):
            return True
        if word in ("support", "option", "flag", "command", "when", "if"):
            return False
    return False
