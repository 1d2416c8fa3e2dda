"""How good the rule pack is on tickets whose category people have confirmed."""

from collections.abc import Sequence

from sklearn.metrics import f1_score

from aiops_triage.engine.classifier import classify
from aiops_triage.engine.model.example import Example


def macro_f1_of_rules(examples: Sequence[Example]) -> float:
    """The macro-F1 of the rule pack alone on ``examples``, over the labels that they have; 0..1."""
    truth = [example.label for example in examples]
    answers = [str(classify(example.title, example.body).category) for example in examples]
    return float(f1_score(truth, answers, labels=sorted(set(truth)), average="macro", zero_division=0))
