"""A trained model: from a ticket to a label and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiops_triage.engine.model.example import Prediction
from aiops_triage.engine.model.features import text_of
from aiops_triage.engine.model.vocabulary import Vector, Vocabulary

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class TrainedModel:
    """What was learned; ``coefficients`` has a row for each term and a column for each label.

    ``scale`` and ``offsets`` turn scores into probabilities that hold. ``metrics`` were found by cross-validation, on
    examples that the model judged had not seen: macro_f1, expected_calibration_error, coverage (share of answers at or
    above ``threshold``), precision_when_sure, examples.
    """

    labels: tuple[str, ...]
    vocabulary: Vocabulary
    coefficients: NDArray[float32]
    intercepts: Sequence[float]
    scale: float
    offsets: Sequence[float]
    threshold: float
    metrics: Mapping[str, float]

    def predict(self, title: str, body: str) -> Prediction:
        """The most probable label of a ticket; any text will do, only its beginning is read."""
        return self._predicted(self.vocabulary.encode(text_of(title, body)))

    def explained(self, title: str, body: str, limit: int) -> tuple[Prediction, tuple[str, ...]]:
        """The prediction, and the at most ``limit`` words and pairs of words that speak most for it."""
        vector = self.vocabulary.encode(text_of(title, body))
        prediction = self._predicted(vector)
        return prediction, self._decisive(vector, self.labels.index(prediction.label), limit)

    def _predicted(self, vector: Vector) -> Prediction:
        scores = vector.values @ self.coefficients[vector.places] if vector.places else [0.0] * len(self.labels)
        chances = self._chances([float(score) for score in scores])
        best = max(range(len(chances)), key=chances.__getitem__)
        return Prediction(self.labels[best], chances[best], chances[best] >= self.threshold)

    def _chances(self, scores: Sequence[float]) -> list[float]:
        """The calibrated probability of each label: a softmax."""
        logits = [
            self.scale * (score + intercept) + offset
            for score, intercept, offset in zip(scores, self.intercepts, self.offsets, strict=True)
        ]
        top = max(logits)
        powers = [math.exp(logit - top) for logit in logits]
        total = sum(powers)
        return [power / total for power in powers]

    def _decisive(self, vector: Vector, label: int, limit: int) -> tuple[str, ...]:
        words, lead = (block.terms for block in self.vocabulary.blocks[:2])
        terms = words + lead
        pulls: dict[str, float] = {}
        for place, value in zip(vector.places, vector.values, strict=True):
            if place < len(terms):
                row = self.coefficients[place]
                # What speaks for all labels alike decides nothing.
                pulls[terms[place]] = pulls.get(terms[place], 0.0) - value * float(row[label] - row.mean())
        return tuple(word for pull, word in sorted((pull, word) for word, pull in pulls.items())[:limit] if pull < 0)
