"""The small language in which rules name phrases, and the search for many phrases at once.

A phrase is words separated by spaces. A word may be
    crash~      crash, crashes, crashed, crashing (regular English inflection)
    log|sign    either word
    #           any number, but not as the first word
    (a|the)?    any of the words, or none
Case and punctuation do not matter: "can't" also stands for "cant", "sign-in" for "sign in".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Final

from aiops_triage.engine.reading import BREAKS, Place, passage_of

MAX_SPELLINGS: Final = 400
"""Spellings that one phrase may stand for; more is a slip of the pen in a rule."""

_OPERATORS: Final = frozenset("~()#")
_VOWELS: Final = frozenset("aeiou")


class InvalidPhrase(ValueError):
    """A phrase of the rule pack cannot be read."""


@dataclass(slots=True)
class PhraseNode:
    """The phrases that begin with the words leading here; ``entries`` are those that also end here."""

    following: dict[str, "PhraseNode"] = field(default_factory=dict)
    entries: tuple[int, ...] = ()


def spellings(phrase: str) -> tuple[tuple[str, ...], ...]:
    """All token sequences that ``phrase`` stands for; InvalidPhrase if it is empty or stands for too many."""
    if phrase.startswith("#"):
        raise InvalidPhrase(f"phrase {phrase!r} begins with a number: begin with a word, which the search starts from")
    try:
        choices = [_alternatives(word) for word in phrase.lower().split()]
    except InvalidPhrase as error:
        raise InvalidPhrase(f"phrase {phrase!r}: {error}") from None
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > MAX_SPELLINGS:
        raise InvalidPhrase(f"phrase {phrase!r} stands for {count} spellings, at most {MAX_SPELLINGS}: split it")
    found = {tuple(token for word in words for token in word) for words in product(*choices)}
    if not found or () in found:
        raise InvalidPhrase(f"phrase {phrase!r} has no word in it")
    return tuple(sorted(found))


def _alternatives(word: str) -> list[tuple[str, ...]]:
    """The token sequences that one word of a phrase stands for; the empty one for an optional word."""
    optional = len(word) > 1 and word.endswith(")?")
    options = word.removeprefix("(").removesuffix(")?").split("|") if optional else word.split("|")
    found: list[tuple[str, ...]] = [()] if optional else []
    for option in options:
        for form in inflections(option[:-1]) if option.endswith("~") else (option,):
            found.extend(_tokens(variant) for variant in {form, form.replace("'", "")})
    return found


def _tokens(word: str) -> tuple[str, ...]:
    if word in {"#", "?"}:
        return (word,)
    tokens = tuple(passage_of(Place.TEXT, word).tokens)
    if not tokens or not BREAKS.isdisjoint(tokens) or not _OPERATORS.isdisjoint(word):
        raise InvalidPhrase(f"{word!r} is no word: (a|b)? and word~ are written with nothing before or after them")
    return tokens


def inflections(word: str) -> tuple[str, ...]:
    """``word`` with the regular English endings: -s, -ed, -ing (no doubled consonants: write those out)."""
    if word.endswith("y") and word[-2:-1] not in _VOWELS:
        return word, f"{word[:-1]}ies", f"{word[:-1]}ied", f"{word}ing"
    if word.endswith("e"):
        return word, f"{word}s", f"{word}d", f"{word[:-1]}ing"
    plural = "es" if word.endswith(("s", "x", "z", "ch", "sh")) else "s"
    return word, f"{word}{plural}", f"{word}ed", f"{word}ing"


def phrase_tree(phrases: Sequence[tuple[str, int]]) -> PhraseNode:
    """One search tree for all ``phrases`` (phrase, entry), a dictionary look-up per word of text."""
    root = PhraseNode()
    for phrase, entry in phrases:
        for tokens in spellings(phrase):
            node = root
            for token in tokens:
                node = node.following.setdefault(token, PhraseNode())
            if entry not in node.entries:
                node.entries += (entry,)
    return root


def occurrences(root: PhraseNode, tokens: Sequence[str]) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """The phrases in ``tokens``: first token, token after the last, entries.

    At each token the longest one, and none that lies within the one before ("slow down" does not tell of "down").
    """
    first = root.following
    covered = 0
    for start, token in enumerate(tokens):
        if token in first:
            end, entries = _longest(first[token], tokens, start + 1)
            if entries and end > covered:
                covered = end
                yield start, end, entries


def _longest(node: PhraseNode, tokens: Sequence[str], position: int) -> tuple[int, tuple[int, ...]]:
    end, entries = position, node.entries
    while node.following and position < len(tokens):
        token = tokens[position]
        following = node.following.get(token)
        if following is None and token[0].isdigit():
            following = node.following.get("#")
        if following is None:
            break
        node = following
        position += 1
        if node.entries:
            end, entries = position, node.entries
    return end, entries
