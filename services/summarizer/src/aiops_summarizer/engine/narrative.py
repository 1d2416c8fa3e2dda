"""Puts findings together: the headline, the text and the severity of a whole log."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from aiops_summarizer.domain import Finding, LogLevel, Severity
from aiops_summarizer.engine.findings import moment, quote, times
from aiops_summarizer.engine.scoring import Scored

_WIDESPREAD: Final = 0.01
_MANY_WARNINGS: Final = 0.05
_MAX_SENTENCES: Final = 10


def tell(findings: Sequence[Finding]) -> str:
    """The findings as one text of at most ten sentences."""
    return " ".join(finding.text for finding in findings[:_MAX_SENTENCES])


def headline(scored: list[Scored], line_count: int, span: tuple[datetime, datetime] | None) -> str:
    """The most important thing in one line."""
    if not line_count:
        return "Empty log"
    top = next((item for item in scored if item.is_problem), None)
    if top is None:
        warning = next((item for item in scored if item.is_warning), None)
        if warning is None:
            return f"Nothing unusual in {line_count} lines" if line_count > 1 else "Nothing unusual in 1 line"
        top = warning
    pattern = top.pattern
    level = f"{pattern.level.value}: " if pattern.level in (LogLevel.FATAL, LogLevel.ERROR, LogLevel.WARN) else ""
    since = f" since {moment(pattern.first_seen, span)}" if pattern.first_seen and pattern.count > 1 else ""
    return f"{level}{quote(top)}, {times(pattern.count)}{since}, first at line {pattern.first_line}"


def severity(scored: list[Scored], line_count: int) -> Severity:
    """How bad the log as a whole is.

    CRITICAL: something died or was lost. HIGH: errors, widespread or in a burst. MEDIUM: other errors, or warnings on
    at least a twentieth of the lines.
    """
    problems = [item for item in scored if item.is_problem]
    if any(item.crash or item.pattern.level is LogLevel.FATAL for item in problems):
        return Severity.CRITICAL
    errors = [item for item in problems if item.pattern.level is LogLevel.ERROR]
    lines = sum(item.pattern.count for item in errors)
    if errors and (lines >= _WIDESPREAD * line_count or any(item.peak for item in errors)):
        return Severity.HIGH
    if problems:
        return Severity.MEDIUM
    warnings = sum(item.pattern.count for item in scored if item.is_warning)
    return Severity.MEDIUM if warnings and warnings >= _MANY_WARNINGS * line_count else Severity.LOW
