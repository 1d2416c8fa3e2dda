"""Which terms a model knows, and how a ticket becomes a sparse vector over them."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from aiops_triage.engine.model.features import Text, letter_terms, word_terms

MAX_TERMS: Final = 30_000
"""Terms of a block; the most frequent ones are kept."""
MIN_TICKETS: Final = 2
"""Tickets a term has to occur in: rarer ones teach nothing, and are most of the names and numbers of people."""

_MAX_COUNTED: Final = 3_000_000
_MAX_REMEMBERED: Final = 50_000


class Block(NamedTuple):
    """Terms of one kind in a fixed order, and the weight of each: the inverse of how many tickets it occurs in."""

    terms: tuple[str, ...]
    weights: tuple[float, ...]


class Vector(NamedTuple):
    """The terms of a ticket: their places in the vocabulary and their values, each block scaled to length one."""

    places: list[int]
    values: list[float]


class Vocabulary:
    """The terms of a model in four blocks: words, lead, letters, phrases; a term's place is counted over all."""

    def __init__(self, words: Block, lead: Block, letters: Block, phrases: Block) -> None:
        self.blocks = (words, lead, letters, phrases)
        self._weights = (*words.weights, *lead.weights, *letters.weights, *phrases.weights)
        firsts = accumulate((len(block.terms) for block in self.blocks), initial=0)
        placed = (_places(block, first) for block, first in zip(self.blocks, firsts, strict=False))
        self._words, self._lead, self._letters, self._phrases = placed
        self._remembered: dict[str, tuple[int, ...]] = {}

    def __len__(self) -> int:
        return len(self._weights)

    def encode(self, text: Text) -> Vector:
        """``text`` as a vector; terms that are not known are left out."""
        words = Counter(self._words[term] for term in word_terms(text.written) if term in self._words)
        lead = Counter(self._lead[term] for term in word_terms(text.lead) if term in self._lead)
        letters: Counter[int] = Counter()
        for token in text.written.split():
            letters.update(self._letters_of(token))
        known = {self._phrases[term]: value for term, value in text.known.items() if term in self._phrases}
        vector = Vector([], [])
        self._append(_damped(words), vector)
        self._append(_damped(lead), vector)
        self._append(letters, vector)
        self._append(known, vector)
        return vector

    def _append(self, block: Mapping[int, float], vector: Vector) -> None:
        values = [value * self._weights[place] for place, value in block.items()]
        length = math.sqrt(sum(value * value for value in values)) or 1.0
        vector.places.extend(block)
        vector.values.extend(value / length for value in values)

    def _letters_of(self, token: str) -> tuple[int, ...]:
        """The places of the letter terms in ``token``; kept for the next time, because the same words come again."""
        known = self._remembered.get(token)
        if known is None:
            at = self._letters
            known = tuple(at[term] for term in letter_terms(token) if term in at)
            if len(self._remembered) >= _MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[token] = known
        return known


def learn_vocabulary(texts: Sequence[Text]) -> Vocabulary:
    """The terms that most of ``texts`` share, at most MAX_TERMS of a kind."""
    return Vocabulary(
        _learned((set(word_terms(text.written)) for text in texts), len(texts)),
        _learned((set(word_terms(text.lead)) for text in texts), len(texts)),
        _learned((_letter_set(text.written) for text in texts), len(texts)),
        _unweighted(_learned((set(text.known) for text in texts), len(texts))),
    )


def _damped(counts: Counter[int]) -> dict[int, float]:
    """What is said ten times is not said ten times as much."""
    return {place: math.sqrt(times) for place, times in counts.items()}


def _unweighted(block: Block) -> Block:
    """A phrase that many tickets have tells no less: it was picked because it tells something."""
    return Block(block.terms, (1.0,) * len(block.terms))


def _places(block: Block, first: int) -> dict[str, int]:
    return {term: place for place, term in enumerate(block.terms, start=first)}


def _letter_set(written: str) -> set[str]:
    return {term for token in set(written.split()) for term in letter_terms(token)}


def _learned(tickets: Iterable[set[str]], total: int) -> Block:
    """The most frequent terms in alphabetical order, weighted like scikit-learn's smoothed idf."""
    counts: Counter[str] = Counter()
    for terms in tickets:
        counts.update(terms)
        if len(counts) > _MAX_COUNTED:  # what was seen once so far is rare among millions
            counts = Counter({term: count for term, count in counts.items() if count > 1})
    shared = [(term, count) for term, count in counts.items() if count >= MIN_TICKETS]
    kept = sorted(sorted(shared, key=lambda item: (-item[1], item[0]))[:MAX_TERMS])
    weights = tuple(math.log((1 + total) / (1 + count)) + 1 for _, count in kept)
    return Block(tuple(term for term, _ in kept), weights)
