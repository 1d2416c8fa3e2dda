"""The part of a line that is kept to be shown, and how it is kept."""

from typing import Final

_MAX_SHOWN: Final = 2048
"""Kept of a line; a pattern shows the first 1,000. What is cut off has to be far from what is shown: half a secret may
not be recognised any more, and what has to end somewhere to be one is at most some hundred characters long."""

_CONTROL: Final = dict.fromkeys([*range(9), *range(11, 32), 127], "\ufffd")
_LOSSLESS: Final = "surrogatepass"


def shown(line: str) -> str:
    """The beginning of ``line`` without control characters."""
    if len(line) > _MAX_SHOWN:
        line = line[: _MAX_SHOWN - 1] + "…"
    return printable(line)


def printable(text: str) -> str:
    """``text`` with replacement characters for control characters."""
    return text if text.isprintable() else text.translate(_CONTROL)


def packed(text: str) -> bytes:
    """``text`` to be kept: a single emoji makes each character of a string take four bytes."""
    return text.encode("utf-8", _LOSSLESS)


def unpacked(kept: bytes) -> str:
    """The text that was packed."""
    return kept.decode("utf-8", _LOSSLESS)
