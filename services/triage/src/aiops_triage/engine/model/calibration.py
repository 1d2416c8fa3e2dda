"""From the scores of a linear model to probabilities that hold, and to the threshold above which it is sure."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy import bool_, float64
from numpy.typing import NDArray

SURE_PRECISION: Final = 0.95
"""Share of the answers above the threshold that has to be right."""
BINS: Final = 10
"""Bins of equal width of the calibration error, see Guo et al., On Calibration of Modern Neural Networks, 2017."""
NEVER_SURE: Final = 1.01


@dataclass(frozen=True, slots=True)
class Quality:
    """How good probabilities are: see ``quality_of``."""

    expected_calibration_error: float
    coverage: float
    precision_when_sure: float


def softmax(logits: NDArray[float64]) -> NDArray[float64]:
    """Each row as probabilities."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: NDArray[float64] = powers / powers.sum(axis=-1, keepdims=True)
    return result


def expected_calibration_error(confidences: NDArray[float64], is_right: NDArray[bool_]) -> float:
    """The mean distance between confidence and share of right answers over BINS bins, weighted by their size."""
    bins = np.minimum((confidences * BINS).astype(int), BINS - 1)
    gaps = (abs(float((confidences[bins == b] - is_right[bins == b]).sum())) for b in range(BINS))
    return sum(gaps) / max(1, len(confidences))


def threshold_for(confidences: NDArray[float64], is_right: NDArray[bool_], precision: float) -> float:
    """The least confidence from which on at least ``precision`` of the answers are right; NEVER_SURE without one."""
    order = np.argsort(-confidences, kind="stable")
    right = np.cumsum(is_right[order]) / np.arange(1, len(order) + 1)
    reached = np.flatnonzero(right >= precision)
    return float(confidences[order[reached[-1]]]) if len(reached) else NEVER_SURE


def quality_of(confidences: NDArray[float64], is_right: NDArray[bool_], threshold: float) -> Quality:
    """The calibration error, and the share of answers at or above ``threshold`` and of right ones among them."""
    sure = confidences >= threshold
    return Quality(
        expected_calibration_error(confidences, is_right),
        float(sure.mean()) if len(sure) else 0.0,
        float(is_right[sure].mean()) if sure.any() else 1.0,
    )
