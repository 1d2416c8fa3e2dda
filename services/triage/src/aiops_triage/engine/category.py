"""From scores to a category with a confidence. Whatever scores the categories, rules or a model, is judged here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from aiops_triage.domain import REVIEW_BELOW, TicketCategory
from aiops_triage.engine.evidence import Evidence
from aiops_triage.engine.reading import Place

CategoryScores = Mapping[TicketCategory, float]
"""Evidence for each category, 0 or more; a category that is missing has none."""

ABSTAIN_BELOW: Final = 1.0
"""A best score under this is no evidence: the answer is OTHER, for a person to look at."""
HALF_CONVINCED: Final = 2.5
"""The best score at which, without a rival, the confidence is one half."""
NARROW: Final = 0.4
"""Share of the confidence that is left where a rival scores as much; both were fitted so that confidences hold."""
TITLE_FACTOR: Final = 3.0
"""A title is the reporter's own summary: its phrases count so much more than the body's."""

# A tie goes to the one whose being overlooked costs more.
_PRECEDENCE: Final = (
    TicketCategory.SECURITY,
    TicketCategory.INCIDENT,
    TicketCategory.PERFORMANCE,
    TicketCategory.BUG,
    TicketCategory.ACCESS,
    TicketCategory.INFRASTRUCTURE,
    TicketCategory.BILLING,
    TicketCategory.HR,
    TicketCategory.FEATURE_REQUEST,
    TicketCategory.QUESTION,
    TicketCategory.OTHER,
)


@dataclass(frozen=True, slots=True)
class Decision:
    """A category and how sure it is, 0..1."""

    category: TicketCategory
    confidence: float
    needs_review: bool


def rule_scores(evidence: Iterable[Evidence]) -> CategoryScores:
    """The weights of the phrases found, added up by category."""
    scores: dict[TicketCategory, float] = {}
    for found in evidence:
        if found.rule.category is not None and found.rule.weight is not None:
            weight = found.rule.weight * found.trust * (TITLE_FACTOR if found.place is Place.TITLE else 1.0)
            scores[found.rule.category] = scores.get(found.rule.category, 0.0) + weight
    return scores


def decide(scores: CategoryScores) -> Decision:
    """The best category; its confidence grows with its score and with its lead over the second best."""
    best, second = sorted(_PRECEDENCE, key=lambda category: -scores.get(category, 0.0))[:2]
    top, rival = scores.get(best, 0.0), scores.get(second, 0.0)
    if top < ABSTAIN_BELOW:
        return Decision(TicketCategory.OTHER, 0.0, needs_review=True)
    lead = (top - rival) / top
    confidence = round(top / (top + HALF_CONVINCED) * (NARROW + (1 - NARROW) * lead), 3)
    return Decision(best, confidence, needs_review=confidence < REVIEW_BELOW)
