"""Puts findings together: the headline, the text, the timeline and the severity of a whole log."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

from aiops_summarizer.domain import Finding, LogLevel, Moment, Severity
from aiops_summarizer.engine.drafts import Draft
from aiops_summarizer.engine.episodes import Sorted, impact, trouble_of
from aiops_summarizer.engine.findings import unread
from aiops_summarizer.engine.overview import Overview
from aiops_summarizer.engine.scoring import Scored
from aiops_summarizer.engine.templates import NOT_TEXT
from aiops_summarizer.engine.wording import counted, moment, number, quote, times

_WIDESPREAD: Final = 0.01
_MANY_WARNINGS: Final = 0.05
_SHORT: Final = 80
_MAX_MOMENTS: Final = 8
_TOLD: Final = (LogLevel.FATAL, LogLevel.ERROR, LogLevel.WARN)

_PARAGRAPHS: Final = {
    **dict.fromkeys(("empty", "span", "quiet"), 0),
    **dict.fromkeys(("first_error", "cause", "error", "more", "before", "change", "together", "over", "ongoing"), 1),
    **dict.fromkeys(("warnings", "spike", "new", "gone", "silence", "apart", "background"), 2),
    **dict.fromkeys(("noise", "continuations", "not_text", "other"), 3),
}


def tell(findings: Sequence[Finding]) -> str:
    """The findings as one text, a paragraph for each subject on a line of its own."""
    paragraphs = groupby(findings, key=lambda finding: _PARAGRAPHS.get(finding.kind))
    return "\n".join(" ".join(finding.text for finding in group) for _, group in paragraphs)


def timeline(drafts: Sequence[Draft]) -> tuple[Moment, ...]:
    """A few moments in the order in which they happened; without times, in the order of lines."""
    moments = [found for draft in drafts for found in draft.moments][:_MAX_MOMENTS]
    is_dated = all(found.time is not None for found in moments)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return tuple(sorted(moments, key=lambda found: ((found.time if is_dated else None) or epoch, found.line)))


def headline(log: Overview, trouble: Sorted | None) -> str:
    """The most important thing in one line."""
    if not log.line_count:
        return "Empty log"
    data = sum(item.pattern.count for item in log.scored if item.pattern.template == NOT_TEXT)
    if 2 * data > log.line_count:
        verb = "is" if data == 1 else "are"
        return f"Not a log: {number(data)} of {counted(log.line_count, 'line')} {verb} not text"
    if trouble is not None:
        return _trouble_headline(log, trouble)
    warnings = [item for item in log.scored if item.is_warning]
    if not warnings:
        if others := unread(log.scored).total():
            verb = "was" if others == 1 else "were"
            return (
                f"Nothing unusual in the lines that could be read; {number(others)} {verb} logged as errors or warnings"
            )
        return f"Nothing unusual in {counted(log.line_count, 'line')}"
    warning = max(warnings, key=lambda item: (item.pattern.count, -item.pattern.first_line))
    return f"{_level(warning)}{_item(warning, log)}"


def _trouble_headline(log: Overview, trouble: Sorted) -> str:
    first = trouble.main[0]
    fatal = next((item for item in trouble.main if _is_fatal(item)), None)
    top = fatal or max(trouble.main, key=impact)
    rest = len(trouble.main) - 1
    text = f"{_level(top)}{_item(top, log)}"
    if top is not first:
        text += f", after {_item(first, log)}"
        rest -= 1
    return f"{text}, and {counted(rest, 'more kind')} of trouble" if rest else text


def _is_fatal(item: Scored) -> bool:
    return item.crash or LogLevel.FATAL in item.statistics.levels


def _level(item: Scored) -> str:
    level = next((level for level in _TOLD if level in item.statistics.levels), None)
    # Many messages name their level themselves.
    return "" if level is None or item.message.upper().startswith(level.value) else f"{level.value}: "


def _item(item: Scored, log: Overview) -> str:
    pattern = item.pattern
    count = trouble_of(item).count if item.is_problem else pattern.count
    first, line = pattern.first_seen, pattern.first_line
    if item.trouble is not None:
        first, line = item.trouble.first, item.trouble.first_line
    at = f" {'since' if count > 1 else 'at'} {moment(first, log.span)}" if first else ""
    return f"{quote(item, _SHORT)} {times(count)}{at} (line {line})"


def severity(scored: Sequence[Scored], line_count: int) -> Severity:
    """How bad the log as a whole is.

    CRITICAL: something died or was lost. HIGH: errors, widespread or in a burst. MEDIUM: other errors, in lines that
    could not be read as well, or warnings on at least a twentieth of the lines.
    """
    problems = [item for item in scored if item.is_problem]
    if any(_is_fatal(item) for item in problems):
        return Severity.CRITICAL
    errors = [item for item in problems if LogLevel.ERROR in item.statistics.levels]
    lines = sum(trouble_of(item).count for item in errors)
    if errors and (lines >= _WIDESPREAD * line_count or any(item.peak for item in errors)):
        return Severity.HIGH
    others = unread(scored)
    if problems or others[LogLevel.ERROR] or others[LogLevel.FATAL]:
        return Severity.MEDIUM
    warnings = sum(item.pattern.count for item in scored if item.is_warning)
    return Severity.MEDIUM if warnings and warnings >= _MANY_WARNINGS * line_count else Severity.LOW
