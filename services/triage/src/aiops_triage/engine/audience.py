"""How many people a ticket says are affected: "all 300 users", "40 % of our customers"."""

import re
from typing import Final

from aiops_triage.domain import Level
from aiops_triage.engine.reading import Passage

WIDE_COUNT: Final = 100
"""From so many people on the impact is high."""
WIDE_SHARE: Final = 25
"""From so many percent of the people on the impact is high."""
GROUP_COUNT: Final = 5
"""From so many people on the impact is medium."""

_PEOPLE: Final = (
    "accounts|agents|branches|client|clients|colleague|colleagues|customer|customers|employee|employees"
    "|offices|patients|people|person|persons|sites|staff|stores|students|subscribers|team"
    "|teams|tenant|tenants|user|users"
)
_PEOPLE_WORDS: Final = frozenset(_PEOPLE.split("|"))
# Bounded on purpose: at most three words ("of our internal") between the number and the people.
_COUNT: Final = re.compile(
    rf"(?<![\w.,:-])(\d{{1,3}}(?:,\d{{3}}){{1,3}}|\d{{1,9}})(k\b)?\s?(%|percent\b)?\s(?:(?:of|our|the|all|other|different"
    rf"|internal|external|affected|active)\s){{0,3}}(?:{_PEOPLE})\b",
    re.IGNORECASE,
)
_ORDER: Final = {Level.LOW: 0, Level.MEDIUM: 1, Level.HIGH: 2}
_DENIED: Final = re.compile(r"\b(?:no|not|never|without)\s+(?:\w+\s+){0,2}$", re.IGNORECASE)


def audience(passage: Passage) -> tuple[Level, str] | None:
    """The greatest impact that a count of people in ``passage`` tells, and the words that tell it; None without one."""
    found: tuple[Level, str] | None = None
    if _PEOPLE_WORDS.isdisjoint(passage.tokens):
        return None
    for match in _COUNT.finditer(passage.text):
        if _DENIED.search(passage.text, max(0, match.start() - 40), match.start()):
            continue
        level = _level(match)
        if found is None or _ORDER[level] > _ORDER[found[0]]:
            found = level, " ".join(match.group().split())
    return found


def _level(match: re.Match[str]) -> Level:
    digits, thousand, percent = match.groups()
    number = int(digits.replace(",", "")) * (1000 if thousand else 1)
    if percent:
        return Level.HIGH if number >= WIDE_SHARE else Level.MEDIUM
    if number >= WIDE_COUNT:
        return Level.HIGH
    return Level.MEDIUM if number >= GROUP_COUNT else Level.LOW
