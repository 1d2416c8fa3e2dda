"""A ticket as features: words and pairs of words, those of its lead again, letters of words, phrases of the rules.

Words and letters are those of scikit-learn's TfidfVectorizer (analyzer "word" with 1–2-grams, "char_wb" with
3–5-grams), so that either can check the other; ours needs no scikit-learn. The phrases of the rule pack bring what is
known about tickets in general, which a few hundred examples cannot teach.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from aiops_triage.engine import rulepack
from aiops_triage.engine.evidence import gather
from aiops_triage.engine.reading import read, without_comments

MAX_READ: Final = 6_000
"""Characters of a ticket that a model reads: its time stays bounded, and what a ticket is about stands at its head."""
LEAD: Final = 600
"""Characters of a body, without what its template tells the reporter, whose words count by themselves as well: there
people say what they want, and logs, versions and code follow."""

_WORD: Final = re.compile(r"\w\w+")
_GRAM_SIZES: Final = (3, 4, 5)


@dataclass(frozen=True, slots=True)
class Text:
    """A ticket as a model reads it: ``written`` and its ``lead`` in lower case; ``known`` to the rule pack.

    A phrase that was found counts one, a category as much as the logarithm of the weights that speak for it; each at
    each place by itself, because a title says more than a stack trace.
    """

    written: str
    lead: str
    known: Mapping[str, float]


def text_of(title: str, body: str) -> Text:
    """The part of a ticket that a model reads."""
    head = title[:MAX_READ]
    rest = body[: MAX_READ - len(head)]
    return Text(f"{head}\n{rest}".lower(), without_comments(rest)[:LEAD].lower(), _known(head, rest))


def _known(title: str, body: str) -> dict[str, float]:
    pack = rulepack.load()
    phrases: dict[str, float] = {}
    weights: dict[str, float] = {}
    for found in gather(read(title, body), pack):
        phrases[f"{pack.phrases[found.entry]} ({found.place.value})"] = 1.0
        if found.rule.category and found.rule.weight:
            name = f"{found.rule.category} ({found.place.value})"
            weights[name] = weights.get(name, 0.0) + found.rule.weight
    return phrases | {name: math.log1p(weight) for name, weight in weights.items()}


def word_terms(written: str) -> Iterator[str]:
    """Each word of two characters or more, and each pair of neighbours."""
    words = _WORD.findall(written)
    yield from words
    yield from map(" ".join, pairwise(words))


def letter_terms(token: str) -> Iterator[str]:
    """The runs of three to five characters in a token between white space, its borders marked by spaces."""
    padded = f" {token} "
    for size in _GRAM_SIZES:
        yield padded[:size]
        for start in range(1, len(padded) - size + 1):
            yield padded[start : start + size]
        if len(padded) <= size:
            break
