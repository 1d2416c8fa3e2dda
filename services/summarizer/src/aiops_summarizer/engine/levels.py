"""Words that name a level, and words that betray trouble where no level was written."""

import re
from typing import Final

from aiops_summarizer.domain import LogLevel

_NAMES: Final[dict[LogLevel, str]] = {
    LogLevel.FATAL: "FATAL CRITICAL CRIT EMERGENCY EMERG PANIC ALERT",
    LogLevel.ERROR: "ERROR ERR SEVERE FAILURE",
    LogLevel.WARN: "WARNING WARN",
    LogLevel.INFO: "INFORMATION INFO NOTICE LOG STATEMENT DETAIL HINT CONTEXT CONFIG AUDIT",
    LogLevel.DEBUG: "DEBUG DEBUG1 DEBUG2 DEBUG3 DEBUG4 DEBUG5 FINE VERBOSE",
    LogLevel.TRACE: "TRACE FINER FINEST",
}
_LETTERS: Final = {
    "F": LogLevel.FATAL,
    "E": LogLevel.ERROR,
    "W": LogLevel.WARN,
    "I": LogLevel.INFO,
    "D": LogLevel.DEBUG,
    "V": LogLevel.TRACE,
}
LEVELS: Final[dict[str, LogLevel]] = {name: level for level, names in _NAMES.items() for name in names.split()}

WORD_PATTERN: Final = "|".join(sorted(LEVELS, key=len, reverse=True))
"""Alternatives of a regex that match a level's name; meant to be used ignoring case."""

SYSLOG_SEVERITIES: Final = (
    LogLevel.FATAL,
    LogLevel.FATAL,
    LogLevel.FATAL,
    LogLevel.ERROR,
    LogLevel.WARN,
    LogLevel.INFO,
    LogLevel.INFO,
    LogLevel.DEBUG,
)
"""Level by severity number (RFC 5424, table 2)."""

# Bunyan and pino write numbers: https://github.com/trentm/node-bunyan#levels
_NUMBERS: Final = {
    60: LogLevel.FATAL,
    50: LogLevel.ERROR,
    40: LogLevel.WARN,
    30: LogLevel.INFO,
    20: LogLevel.DEBUG,
    10: LogLevel.TRACE,
}

_LEADING = re.compile(r"(fatal|critical|panic|error|err|warning|warn)\b\s*[:\]!]", re.IGNORECASE)

CRASH = re.compile(
    r"\b(?:panic|segfault|segmentation fault|core dumped|out of memory|oom[- ]?kill\w*|OutOfMemoryError|corrupt\w*"
    r"|data loss|kernel oops|no space left)\b",
    re.IGNORECASE,
)
"""Words that mean that something died or was lost."""

TROUBLE = re.compile(
    r"\b(?:\w*error|\w*exception|fail\w*|refused|denied|timed? ?out|timeout|unreachable|unavailable|aborted|abort"
    r"|reset by peer|rejected|invalid|cannot|can't|could not|couldn't|unable|killed|exceeded|broken|forbidden)\b",
    re.IGNORECASE,
)
"""Words that mean that something went wrong."""


def level_of(value: object) -> LogLevel | None:
    """Level that a field's value names, a word in any case, one letter or a Bunyan number; else None."""
    if isinstance(value, str):
        name = value.strip().upper()
        return LEVELS.get(name) or _LETTERS.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return _NUMBERS.get(value // 10 * 10)
    return None


def leading_level(message: str) -> LogLevel | None:
    """Level that a message itself starts with ("error: …"), for lines without a level of their own."""
    found = _LEADING.match(message)
    if found is None:
        return None
    # In lower case it is the habit of programs whose one connection or request ended.
    return LogLevel.ERROR if found[1] == "fatal" else LEVELS[found[1].upper()]
