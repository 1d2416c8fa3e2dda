"""The deterministic log digest engine: lines in, digest out; no network, no clock but for dates without a year.

How lines are counted: every physical line belongs to exactly one pattern, so the counts of all patterns add up to the
number of lines. A pattern's count is how often its message was logged. Lines that only continue another line (stack
traces, wrapped text, blank lines) are counted together in a pattern of their own, ``(continuation)``, so that one error
with a trace of forty frames is one error. ``(other)`` counts the messages that the bounded store had no room for, and
``(not text)`` the lines that are data.
"""

from collections.abc import Iterable
from datetime import datetime

from aiops_summarizer.domain import Digest
from aiops_summarizer.engine.episodes import sort_out
from aiops_summarizer.engine.findings import draft, number_all, routine_count
from aiops_summarizer.engine.narrative import headline, severity, tell, timeline
from aiops_summarizer.engine.overview import Overview, survey
from aiops_summarizer.engine.pipeline import MAX_TEMPLATES, Scanned, iter_lines, scan

__all__ = ["MAX_TEMPLATES", "conclude", "digest", "iter_lines", "scan", "summarise"]


def digest(lines: Iterable[str], *, reference: datetime | None = None, cap: int = MAX_TEMPLATES) -> Digest:
    """What ``lines`` (redacted text, with or without line ends) say.

    ``reference``: timestamps without a year are taken as the last such date before it, default now.
    ``cap``: distinct messages held at once. Memory does not grow with the number of lines.
    """
    return summarise(scan(lines, reference=reference, cap=cap))


def summarise(scanned: Scanned) -> Digest:
    """The digest of a log whose lines have been read."""
    return conclude(survey(scanned))


def conclude(log: Overview) -> Digest:
    """The digest that an overview comes to."""
    trouble = sort_out(log) if any(item.is_problem for item in log.scored) else None
    drafts = draft(log, trouble)
    findings = number_all(drafts)
    return Digest(
        headline=headline(log, trouble),
        text=tell(findings),
        severity=severity(log.scored, log.line_count),
        first_seen=log.span[0] if log.span else None,
        last_seen=log.span[1] if log.span else None,
        patterns=tuple(item.pattern for item in log.scored),
        pattern_count=len(log.scored),
        line_count=log.line_count,
        findings=findings,
        timeline=timeline(drafts),
        routine_lines=sum(routine_count(item) for item in log.scored),
        told_lines=sum({item.pattern.id: item.pattern.count for found in drafts for item in found.items}.values()),
    )
