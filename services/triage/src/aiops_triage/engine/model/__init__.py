"""A linear text model of tickets: learns labels from examples, says how sure it is, and where it is not.

Labels are any closed set of words; a trained model is small (a few MB) and answers with numpy alone. numpy,
scikit-learn and scipy are imported on use, so that a service without a model does not pay for them.
"""

from collections.abc import Sequence

from aiops_triage.engine.model.example import Example, InvalidModel, Prediction, TooFewExamples
from aiops_triage.engine.model.trained import TrainedModel

__all__ = ["Example", "InvalidModel", "Prediction", "TooFewExamples", "TrainedModel", "dump", "load", "train"]


def train(examples: Sequence[Example], labels: Sequence[str], *, seed: int = 0) -> TrainedModel:
    """See engine.model.training.learn."""
    from aiops_triage.engine.model.training import learn  # noqa: PLC0415 - imports scikit-learn

    return learn(examples, labels, seed=seed)


def dump(model: TrainedModel) -> bytes:
    """See engine.model.storage.written."""
    from aiops_triage.engine.model.storage import written  # noqa: PLC0415 - imports numpy

    return written(model)


def load(data: bytes) -> TrainedModel:
    """See engine.model.storage.read_back."""
    from aiops_triage.engine.model.storage import read_back  # noqa: PLC0415 - imports numpy

    return read_back(data)
