"""Learning a model from examples: a linear classifier on tf-idf, calibrated on answers to unseen examples."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy import float32, float64, int64
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, diags
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from aiops_triage.engine.model.calibration import SURE_PRECISION, quality_of, softmax, threshold_for
from aiops_triage.engine.model.example import Example, TooFewExamples
from aiops_triage.engine.model.features import text_of
from aiops_triage.engine.model.trained import TrainedModel
from aiops_triage.engine.model.vocabulary import Vocabulary, learn_vocabulary

FOLDS: Final = 5
MANY: Final = 5_000
"""Examples from which on three folds tell enough, in less time."""
FEW_FOLDS: Final = 3
MIN_PER_LABEL: Final = 10
"""Examples of each label that training needs: two for each fold."""
REGULARISATION: Final = 0.2
MARGIN: Final = 0.02
"""By how much the precision above the threshold exceeds what is promised, because the threshold was chosen by it."""
PRIOR_EXAMPLES: Final = 10_000
"""Examples that weigh as much as what the rule pack knows."""


def learn(examples: Sequence[Example], labels: Sequence[str], *, seed: int = 0) -> TrainedModel:
    """Learn to tell ``labels`` apart; a label without examples is none that the model can answer.

    The same examples, labels and seed give the same model. Raises TooFewExamples unless two labels have examples, and
    each of these at least MIN_PER_LABEL; ValueError for an example whose label is not among ``labels``.
    """
    known = _checked(examples, labels)
    truth = np.array([known.index(example.label) for example in examples])
    texts = [text_of(example.title, example.body) for example in examples]
    vocabulary = learn_vocabulary(texts)
    scales = _scales(vocabulary, len(texts))
    matrix = _matrix(vocabulary, texts) @ diags(scales)
    scores = _unseen_scores(matrix, truth, len(known), seed)
    scale, offsets = _calibrated(scores, truth)
    threshold, metrics = _judged(softmax(scale * scores + offsets), truth, len(known))
    coefficients, intercepts = _fitted(matrix, truth, len(known), seed)
    # Half precision halves the stored model; rounded here, so that a loaded model answers like the one just trained.
    rounded = (coefficients * scales[:, None]).astype(np.float16).astype(float32)
    return TrainedModel(
        labels=known,
        vocabulary=vocabulary,
        coefficients=rounded,
        intercepts=intercepts.tolist(),
        scale=scale,
        offsets=offsets.tolist(),
        threshold=threshold,
        metrics=metrics,
    )


def _checked(examples: Sequence[Example], labels: Sequence[str]) -> tuple[str, ...]:
    """The labels that have examples, in the order of ``labels``."""
    counts = Counter(example.label for example in examples)
    strange = sorted(set(counts) - set(labels))
    if strange:
        raise ValueError(f"examples are labelled {', '.join(map(repr, strange))}; allowed: {', '.join(labels)}")
    known = tuple(label for label in dict.fromkeys(labels) if counts[label])
    rare = [f"{label} has {counts[label]}" for label in known if counts[label] < MIN_PER_LABEL]
    if len(known) < 2 or rare:
        have = "; ".join(rare) or f"{len(known)} label has any"
        raise TooFewExamples(f"training needs at least two labels with {MIN_PER_LABEL} examples each: {have}")
    return known


def _scales(vocabulary: Vocabulary, examples: int) -> NDArray[float32]:
    """How much each term may say: what is known beforehand the less, the more there is to learn from."""
    prior = PRIOR_EXAMPLES / (PRIOR_EXAMPLES + examples)
    shares = np.array([1.0, 1.0, 1.0, prior], float32)
    return np.repeat(shares, [len(block.terms) for block in vocabulary.blocks])


def _matrix(vocabulary: Vocabulary, texts: Sequence[Any]) -> Any:
    """The texts as rows of a scipy matrix in CSR format."""
    vectors = [vocabulary.encode(text) for text in texts]
    starts = np.cumsum([0, *(len(vector.places) for vector in vectors)])
    places = np.fromiter((place for vector in vectors for place in vector.places), np.int32, starts[-1])
    values = np.fromiter((value for vector in vectors for value in vector.values), float64, starts[-1])
    matrix = csr_matrix((values, places, starts), shape=(len(vectors), len(vocabulary)))
    matrix.sort_indices()
    return matrix


def _fitted(matrix: Any, truth: NDArray[int64], count: int, seed: int) -> tuple[NDArray[float64], NDArray[float64]]:
    """Coefficients (term × label) and intercepts; two labels get a column each, like more."""
    shares = np.bincount(truth, minlength=count) * count / len(truth)
    # Rare labels weigh more, as macro-F1 wants, but not as much as all together: that costs the frequent ones too much.
    weights = dict(enumerate(1 / np.sqrt(shares)))
    fitted = LinearSVC(C=REGULARISATION, class_weight=weights, tol=1e-3, random_state=seed).fit(matrix, truth)
    rows, bias = fitted.coef_, fitted.intercept_
    if count == 2:
        rows, bias = np.vstack([-rows, rows]), np.concatenate([-bias, bias])
    return rows.T, bias


def _unseen_scores(matrix: Any, truth: NDArray[int64], count: int, seed: int) -> NDArray[float64]:
    """The scores of each example by a model that was trained without it."""
    scores = np.zeros((len(truth), count))
    folds = FOLDS if len(truth) < MANY else FEW_FOLDS
    for seen, unseen in StratifiedKFold(folds, shuffle=True, random_state=seed).split(matrix, truth):
        coefficients, intercepts = _fitted(matrix[seen], truth[seen], count, seed)
        scores[unseen] = matrix[unseen] @ coefficients + intercepts
    return scores


def _calibrated(scores: NDArray[float64], truth: NDArray[int64]) -> tuple[float, NDArray[float64]]:
    """The scale (inverse temperature) and the offset of each label under which the truth is most likely."""

    def loss(parameters: NDArray[float64]) -> float:
        chances = softmax(np.exp(parameters[0]) * scores + parameters[1:])
        surprise = -np.log(chances[np.arange(len(truth)), truth] + 1e-12).mean()
        # Offsets stay small: they favour the frequent labels again, which were just kept from it.
        return float(surprise + (parameters[1:] ** 2).mean())

    best = minimize(loss, np.concatenate([[np.log(2.0)], np.zeros(scores.shape[1])]), method="L-BFGS-B").x
    return float(np.exp(best[0])), best[1:]


def _judged(chances: NDArray[float64], truth: NDArray[int64], count: int) -> tuple[float, dict[str, float]]:
    """The threshold, and the metrics of the model on examples that it had not seen."""
    answers = chances.argmax(axis=1)
    confidences, is_right = chances.max(axis=1), answers == truth
    threshold = threshold_for(confidences, is_right, SURE_PRECISION + MARGIN)
    quality = quality_of(confidences, is_right, threshold)
    return threshold, {
        "macro_f1": float(f1_score(truth, answers, labels=range(count), average="macro", zero_division=0)),
        "expected_calibration_error": quality.expected_calibration_error,
        "coverage": quality.coverage,
        "precision_when_sure": quality.precision_when_sure,
        "examples": float(len(truth)),
    }
