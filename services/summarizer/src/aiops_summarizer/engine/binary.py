"""Tells lines of text from data that happens to have line ends in it."""

from typing import Final

_CONTROLS: Final = bytes((*range(9), 11, *range(14, 27), *range(28, 32), 127))
"""What no text has. It has tabs, the escape that colours begin with, and what ends a line or a page."""
_REPLACEMENT: Final = "\ufffd".encode()
_SHARE: Final = 12
_MOST_KINDS: Final = 2
"""Text may have one or two of them, however often: FIX ends its fields with SOH, terminals ring and step back."""


def is_text(line: bytes) -> bool:
    """Whether ``line``, in UTF-8, is text; an encoding that was not recognised is.

    Text in a wrong encoding is full of replacement characters, but only data has control characters beside them.
    """
    controls = len(line) - len(line.translate(None, _CONTROLS))
    if not controls:
        return True
    replaced = line.count(_REPLACEMENT)
    if not replaced and b"\0" not in line and len(set(line).intersection(_CONTROLS)) <= _MOST_KINDS:
        return True
    return (controls + replaced) * _SHARE < len(line) - 2 * replaced
