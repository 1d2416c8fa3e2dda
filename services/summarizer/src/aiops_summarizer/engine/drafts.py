"""A finding before it has its number, and what all kinds of them are worded with."""

from dataclasses import dataclass

from aiops_summarizer.domain import Moment
from aiops_summarizer.engine.scoring import Scored


@dataclass(frozen=True, slots=True)
class Draft:
    """One statement.

    ``line`` is where to look, 0 for nowhere; ``items`` are the patterns that it names; ``moments`` go to the timeline.
    """

    kind: str
    text: str
    line: int
    items: tuple[Scored, ...] = ()
    moments: tuple[Moment, ...] = ()
