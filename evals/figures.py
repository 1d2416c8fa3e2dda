"""A number that an evaluation finds, and what it is held against."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric on one data set.

    ``area`` is "logs", "triage", "changelogs" or "redaction". ``target`` is the least value that will do, or the most
    where ``is_least`` is false; None where nothing is asked for. ``known`` says what others reach, e.g.
    "drain3 .752, LILAC .927". A figure for an average over data sets has the data set "average".
    """

    area: str
    data_set: str
    metric: str
    value: float
    target: float | None = None
    is_least: bool = True
    known: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the value reaches its target; true where there is none."""
        if self.target is None:
            return True
        return self.value >= self.target if self.is_least else self.value <= self.target
