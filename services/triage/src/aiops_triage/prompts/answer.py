"""The answer of a language model: its shape, and what has to hold before it may replace the engine's verdict."""

import re
from dataclasses import replace
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from aiops_common.llm import AnswerRejected, Checked
from aiops_common.llm.citation import is_plain, uncited
from aiops_triage.domain import REVIEW_BELOW, Label, Level, Priority, TicketCategory, Verdict, assess

_QUOTED: Final = re.compile(r'["\u201c\u201d]([^"\u201c\u201d]*)["\u201c\u201d]')
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


def check(title: str, body: str, answer: TriageAnswer) -> Checked[TriageAnswer]:
    """``answer`` without the reasons that the ticket does not bear out: they quote words, or state a number, a name
    with digits or an address, that it does not contain.

    Raises AnswerRejected if none is left.
    """
    ticket = f"{title}\n{body}"
    words = _normalised(ticket)
    wrong = [_problem(reason, ticket, words) for reason in answer.reasons]
    kept = tuple(reason for reason, problem in zip(answer.reasons, wrong, strict=True) if problem is None)
    dropped = tuple(problem for problem in wrong if problem is not None)
    if not kept:
        raise AnswerRejected(dropped[0])
    return Checked(answer.model_copy(update={"reasons": kept}), dropped)


def applied(verdict: Verdict, answer: TriageAnswer) -> Verdict:
    """``verdict`` as the checked ``answer`` changes it.

    Severity and priority are computed from the matrix, never taken from the model.
    """
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


def _contradicts(verdict: Verdict, category: TicketCategory, priority: Priority) -> bool:
    """Whether a person has to settle it: another category than a sure engine's, or far less priority.

    The second also catches a ticket that talks the model into playing it down.
    """
    unsettled = category is not verdict.category and not verdict.needs_review
    return unsettled or _RANKS.index(priority) - _RANKS.index(verdict.priority) > 1


def _problem(reason: CitedReason, ticket: str, words: str) -> str | None:
    for quote in (reason.quote, *_QUOTED.findall(reason.statement)):
        quoted = _normalised(quote)
        if not any(char.isalnum() for char in quoted) or quoted not in words:
            return "a reason quotes words that do not occur in the ticket"
    if not is_plain(reason.statement):
        return "a reason has control characters in it"
    if found := uncited(reason.statement, ticket):
        return f"a reason {found}, which does not occur in the ticket"
    return None


def _normalised(text: str) -> str:
    """Case and white space do not make another quote, nor does the kind of apostrophe."""
    return " ".join(text.replace("\u2019", "'").casefold().split())
