"""What a model learns from, what it answers, and what can be wrong with either."""

from dataclasses import dataclass
from typing import Final, Self

KEPT: Final = 16_000
"""Characters of a text that are kept to learn from: more than a model reads."""


@dataclass(frozen=True, slots=True)
class Example:
    """A ticket whose label a person has confirmed."""

    title: str
    body: str
    label: str

    @classmethod
    def cut(cls, title: str, body: str, label: str) -> Self:
        """Of long texts no more than KEPT: all examples are in memory while a model is trained."""
        return cls(title[:KEPT], body[:KEPT], label)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The most probable label and its calibrated probability, 0..1; ``is_sure`` where that reaches the threshold."""

    label: str
    confidence: float
    is_sure: bool


class TooFewExamples(ValueError):
    """The examples do not suffice to learn from; the message says what is missing."""


class InvalidModel(ValueError):
    """The bytes are no model that ``dump`` wrote; the message says what is wrong with them."""
