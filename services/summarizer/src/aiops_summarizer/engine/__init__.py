"""The deterministic log digest engine: lines in, digest out; no network, no clock but for dates without a year.

How lines are counted: every physical line belongs to exactly one pattern, so the counts of all patterns add up to the
number of lines. A pattern's count is how often its message was logged. Lines that only continue another line (stack
traces, wrapped text, blank lines) are counted together in a pattern of their own, ``(continuation)``, so that one error
with a trace of forty frames is one error. ``(other)`` counts the messages that the bounded store had no room for.
"""

from collections.abc import Iterable
from datetime import datetime

from aiops_summarizer.domain import Digest
from aiops_summarizer.engine.findings import find
from aiops_summarizer.engine.narrative import headline, severity, tell
from aiops_summarizer.engine.pipeline import MAX_TEMPLATES, Scanned, iter_lines, scan
from aiops_summarizer.engine.scoring import score

__all__ = ["MAX_TEMPLATES", "digest", "iter_lines", "scan", "summarise"]


def digest(lines: Iterable[str], *, reference: datetime | None = None, cap: int = MAX_TEMPLATES) -> Digest:
    """What ``lines`` (redacted text, with or without line ends) say.

    ``reference``: timestamps without a year are taken as the last such date before it, default now.
    ``cap``: distinct messages held at once. Memory does not grow with the number of lines.
    """
    return summarise(scan(lines, reference=reference, cap=cap))


def summarise(scanned: Scanned) -> Digest:
    """The digest of a log whose lines have been read."""
    scored = score(scanned.store, scanned.line_count)
    starts = [item.pattern.first_seen for item in scored if item.pattern.first_seen]
    ends = [item.pattern.last_seen for item in scored if item.pattern.last_seen]
    span = (min(starts), max(ends)) if starts and ends else None
    findings = find(scored, scanned.line_count, span)
    return Digest(
        headline=headline(scored, scanned.line_count, span),
        text=tell(findings),
        severity=severity(scored, scanned.line_count),
        first_seen=span[0] if span else None,
        last_seen=span[1] if span else None,
        patterns=tuple(item.pattern for item in scored),
        pattern_count=len(scored),
        line_count=scanned.line_count,
        findings=findings,
    )
