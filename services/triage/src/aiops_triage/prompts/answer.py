"""The answer of a language model: its shape, and what has to hold before it may replace the engine's verdict."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from aiops_common.llm import AnswerRejected
from aiops_triage.domain import REVIEW_BELOW, Label, Level, Priority, TicketCategory, Verdict, assess

_QUOTED: Final = re.compile(r'["\u201c\u201d]([^"\u201c\u201d]*)["\u201c\u201d]')
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_RANKS: Final = tuple(Priority)


class CitedReason(BaseModel):
    """A statement about the ticket and the words of the ticket that prove it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    statement: Annotated[str, Field(min_length=1, max_length=300)]
    quote: Annotated[str, Field(min_length=1, max_length=300)]


class TriageAnswer(BaseModel):
    """What the model is asked for. Every set is closed: a category or label outside it fails validation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: TicketCategory
    impact: Level
    urgency: Level
    labels: Annotated[tuple[Label, ...], Field(max_length=len(Label))]
    reasons: Annotated[tuple[CitedReason, ...], Field(min_length=1, max_length=5)]
    confidence: Annotated[float, Field(ge=0, le=1)]


def applier(title: str, body: str) -> Callable[[Verdict, TriageAnswer], Verdict]:
    """How an answer about this ticket changes the engine's verdict.

    The returned function raises AnswerRejected if a reason quotes words, or states a number, that the ticket does not
    contain. Severity and priority are computed from the matrix, never taken from the model.
    """

    def apply(verdict: Verdict, answer: TriageAnswer) -> Verdict:
        ticket = _normalised(f"{title}\n{body}")
        numbers = frozenset(_NUMBER.findall(ticket))
        for reason in answer.reasons:
            _check(reason, ticket, numbers)
        severity, priority = assess(answer.impact, answer.urgency)
        agreed = answer.category is verdict.category
        confidence = max(answer.confidence, verdict.confidence) if agreed else answer.confidence
        return replace(
            verdict,
            category=answer.category,
            severity=severity,
            priority=priority,
            confidence=confidence,
            needs_review=confidence < REVIEW_BELOW or _contradicts(verdict, answer.category, priority),
            reasons=tuple(f'{reason.statement} ("{reason.quote}")' for reason in answer.reasons),
            labels=tuple(label for label in Label if label in answer.labels),
        )

    return apply


def _contradicts(verdict: Verdict, category: TicketCategory, priority: Priority) -> bool:
    """Whether a person has to settle it: another category than a sure engine's, or far less priority.

    The second also catches a ticket that talks the model into playing it down.
    """
    unsettled = category is not verdict.category and not verdict.needs_review
    return unsettled or _RANKS.index(priority) - _RANKS.index(verdict.priority) > 1


def _check(reason: CitedReason, ticket: str, numbers: frozenset[str]) -> None:
    for quote in (reason.quote, *_QUOTED.findall(reason.statement)):
        words = _normalised(quote)
        if not any(char.isalnum() for char in words) or words not in ticket:
            raise AnswerRejected("a reason quotes words that do not occur in the ticket")
    if not numbers.issuperset(_NUMBER.findall(reason.statement)):
        raise AnswerRejected("a reason states a number that does not occur in the ticket")


def _normalised(text: str) -> str:
    """Case and white space do not make another quote, nor does the kind of apostrophe."""
    return " ".join(text.replace("\u2019", "'").casefold().split())
