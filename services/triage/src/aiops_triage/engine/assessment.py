"""Impact and urgency of a ticket, each with the words that decided it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from aiops_triage.domain import Level
from aiops_triage.engine.evidence import Evidence

ENOUGH: Final = 1.0
"""Trust that makes a level evident: one statement of the reporter, or four hints in quoted matter."""
MAX_QUOTES: Final = 3
"""Phrases that a reason names."""

_LOWERED: Final = {Level.HIGH: Level.MEDIUM, Level.MEDIUM: Level.LOW, Level.LOW: Level.LOW}


@dataclass(frozen=True, slots=True)
class Vote:
    """A phrase that speaks for a level."""

    level: Level
    quote: str
    trust: float


@dataclass(frozen=True, slots=True)
class Assessed:
    """A level, and in words why."""

    level: Level
    reason: str


def impact_votes(evidence: Iterable[Evidence]) -> list[Vote]:
    """What ``evidence`` says about how many and how much is affected."""
    return [Vote(found.rule.impact, found.quote, found.trust) for found in evidence if found.rule.impact]


def urgency_votes(evidence: Iterable[Evidence]) -> list[Vote]:
    """What ``evidence`` says about how soon something has to happen."""
    return [Vote(found.rule.urgency, found.quote, found.trust) for found in evidence if found.rule.urgency]


def assess_impact(votes: list[Vote], usual: Level, category: str) -> Assessed:
    """The greatest evident impact; "low" only where nothing speaks for more ("fine on staging, fails for all")."""
    for level in Level:
        quotes = _evident(votes, level)
        if quotes:
            return Assessed(level, _reason("impact", level, quotes))
    return _usual("impact", usual, category)


def assess_urgency(votes: list[Vote], usual: Level, category: str) -> Assessed:
    """The greatest evident urgency, one level less where something eases it ("there is a workaround")."""
    easing = _evident(votes, Level.LOW)
    for level in (Level.HIGH, Level.MEDIUM):
        quotes = _evident(votes, level)
        if quotes and easing:
            eased = _LOWERED[level]
            return Assessed(eased, f"{_reason('urgency', eased, quotes)}, eased by {_listed(easing)}")
        if quotes:
            return Assessed(level, _reason("urgency", level, quotes))
    if easing:
        return Assessed(Level.LOW, _reason("urgency", Level.LOW, easing))
    return _usual("urgency", usual, category)


def _evident(votes: list[Vote], level: Level) -> list[str]:
    """The words that speak for ``level``, the most trusted first; none if they do not suffice together."""
    speaking = [vote for vote in votes if vote.level is level]
    if sum(vote.trust for vote in speaking) < ENOUGH:
        return []
    return [vote.quote for vote in sorted(speaking, key=lambda vote: -vote.trust)]


def _reason(what: str, level: Level, quotes: list[str]) -> str:
    return f"{what} {level.lower()}: {_listed(quotes)}"


def _usual(what: str, level: Level, category: str) -> Assessed:
    return Assessed(level, f"{what} {level.lower()}: nothing said, usual for {category}")


def _listed(quotes: list[str]) -> str:
    return ", ".join(f'"{quote}"' for quote in dict.fromkeys(quotes[:MAX_QUOTES]))
