"""Tells lines that continue the line before them (stack traces, wrapped messages) from lines of their own."""

import re
from typing import Final

_FRAME = re.compile(
    r"\s+at\s+\S|\s*\.\.\. \d+ (?:more|common frames)|\s*Caused by: |\s+Suppressed: |\s+File \"[^\"]+\", line \d+"
    r"|Traceback \(most recent call last\):|During handling of the above exception|The above exception was the direct"
    r"|goroutine \d+ \[|\s+\S+\.go:\d+|\s+\d+: +0x|\s+from \S+:\d+:in |stack backtrace:"
)
_CRASH_LINE = re.compile(
    r"(?:panic:|fatal error:|fatal:|FATAL\b|ERROR\b|WARN(?:ING)?\b|Killed\b|Segmentation fault|Out of memory|Aborted\b"
    r"|terminate called)"
)
_CAUSE = re.compile(r"\s*(?:Caused by: )?((?:[\w$]+\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Fault|Warning)\b.*)")
_CALL = re.compile(r"\S+\(.*\)$|created by \S+")
_GOROUTINE: Final = "goroutine "
_MAX_PEM_LINES: Final = 200
_TRACEBACK: Final = "Traceback (most recent call last):"


def is_blank(line: str) -> bool:
    """Whether ``line`` says nothing."""
    return not line or line.isspace()


def continues(line: str, *, structured: bool, in_traceback: bool) -> bool:
    """Whether ``line``, which has no header, belongs to the line before it.

    ``structured``: the log's lines have headers. ``in_traceback``: the line before was part of a Python
    traceback, whose frames quote source lines in any form.
    """
    if is_blank(line) or _FRAME.match(line):
        return True
    if structured:
        return line[0].isspace() or not _CRASH_LINE.match(line)
    return in_traceback and (line[0].isspace() or cause(line) is not None)


def pem_lines_after(line: str, left: int) -> int:
    """How many lines may still belong to a PEM block (RFC 7468) after ``line``, given how many might before it.

    The lines of a key look like words, and no redaction of single lines can tell that they are none.
    """
    if "-----" in line:
        return _MAX_PEM_LINES if "-----BEGIN " in line and "-----END " not in line else 0
    return max(0, left - 1)


def opens_traceback(line: str) -> bool:
    """Whether a Python traceback begins here."""
    return _TRACEBACK in line and line.lstrip().startswith(_TRACEBACK)


def opens_goroutine(line: str) -> bool:
    """Whether a goroutine's calls follow, as a Go panic writes them."""
    return line.startswith(_GOROUTINE) and _FRAME.match(line) is not None


def is_call(line: str) -> bool:
    """Whether ``line`` is a call of a goroutine; anywhere else it may be a message."""
    return _CALL.match(line) is not None


def is_inner_frame(line: str) -> bool:
    """Whether ``line`` is inside a stack trace, even where the log begins in the middle of it."""
    return line[:1].isspace() and _FRAME.match(line) is not None


def cause(line: str) -> str | None:
    """The exception that a line of a stack trace names, at most 2,048 characters; None if it names none."""
    found = _CAUSE.match(line)
    return found[1].strip()[:2048] if found else None
