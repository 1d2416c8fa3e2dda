"""What everything that is said about a log is derived from."""

from dataclasses import dataclass
from datetime import datetime

from aiops_summarizer.engine.pipeline import Scanned
from aiops_summarizer.engine.scoring import Scored, score

Span = tuple[datetime, datetime]
"""The first and the last time of a log."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The patterns of a log, the most important first, and its extent.

    ``buckets``: the time buckets that it spans, each ``1 << shift`` microseconds wide; none if it has no times.
    """

    scored: list[Scored]
    line_count: int
    span: Span | None
    buckets: range
    shift: int


def survey(scanned: Scanned) -> Overview:
    """The overview of a log whose lines have been read."""
    scored = score(scanned.store, scanned.line_count)
    starts = [item.pattern.first_seen for item in scored if item.pattern.first_seen]
    ends = [item.pattern.last_seen for item in scored if item.pattern.last_seen]
    return Overview(
        scored=scored,
        line_count=scanned.line_count,
        span=(min(starts), max(ends)) if starts and ends else None,
        buckets=scanned.store.span,
        shift=scanned.store.shift,
    )
