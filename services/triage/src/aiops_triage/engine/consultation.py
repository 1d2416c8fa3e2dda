"""What a trained model says about a category, beside what the rule pack says."""

from typing import Final

from aiops_triage.domain import REVIEW_BELOW, TicketCategory
from aiops_triage.engine.category import Decision
from aiops_triage.engine.model import InvalidModel, TrainedModel

MAX_WORDS: Final = 3
"""Words that a reason names."""

_CATEGORIES: Final = frozenset(str(category) for category in TicketCategory)


def consult(model: TrainedModel, title: str, body: str, rules: Decision, told: str) -> tuple[Decision, str, bool]:
    """The decision of ``model`` about a ticket of which the rules say ``rules`` because of ``told``, its reason, and
    whether the model had a say.

    The model's probability stands whether the rules agree or not, because it has learned from what they find. Only of
    a category that it never saw it knows nothing: there rules that are convinced keep their answer, and a person looks.
    Raises InvalidModel for a label that is no category.
    """
    strange = sorted(set(model.labels) - _CATEGORIES)
    if strange:
        raise InvalidModel(f"the model answers {', '.join(strange)}; a ticket is one of: {', '.join(TicketCategory)}")
    prediction, words = model.explained(title, body, MAX_WORDS)
    if rules.category not in model.labels and rules.confidence >= REVIEW_BELOW:
        return (
            Decision(rules.category, rules.confidence, needs_review=True),
            f"{told}; the model never saw its like",
            False,
        )
    learned = Decision(TicketCategory(prediction.label), round(prediction.confidence, 3), not prediction.is_sure)
    quoted = ", ".join(f'"{word}"' for word in words) or "nothing in particular"
    reason = f"category {learned.category}: learned from {quoted}"
    if rules.category is TicketCategory.OTHER:
        return learned, reason, True
    if rules.category is learned.category:
        return learned, f"{reason}; the rules agree: {told.partition(': ')[2]}", True
    return learned, f"{reason}; the rules alone would say {rules.category}: {told.partition(': ')[2]}", True
