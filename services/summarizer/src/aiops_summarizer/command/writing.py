"""Writes results to standard output, whatever is in them and whoever reads them."""

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import Final

_MIN_WIDTH: Final = 40
_MAX_WIDTH: Final = 110
_MARKUP: Final = {ord(mark): f"\\{mark}" for mark in "\\`*_[]<>|#~&$"}


def write(text: str | Iterable[str]) -> None:
    """Write ``text``, whole or in pieces, and a line end. A reader that has gone away (``| head``) has what it wanted.

    Raises OSError, whose filename is "standard output", for any other reason not to get rid of it.
    """
    try:
        sys.stdout.writelines([text] if isinstance(text, str) else text)
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError as error:
        # Python flushes standard output again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            error.filename = "standard output"
            raise


def printable(text: str) -> str:
    """``text`` without anything that a terminal could take for a command; line ends stay."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(mark if mark == "\n" or mark.isprintable() else "\ufffd" for mark in text)


def wrapped(text: str) -> str:
    """``text`` broken into lines on a terminal, else as it is: programs that read it want whole paragraphs."""
    if not sys.stdout.isatty():
        return text
    width = max(_MIN_WIDTH, min(_MAX_WIDTH, shutil.get_terminal_size((_MAX_WIDTH, 0)).columns))
    return "\n".join(textwrap.fill(line, width, break_on_hyphens=False) for line in text.split("\n"))


def escaped(text: str) -> str:
    """``text`` as Markdown that shows it unchanged."""
    return printable(text).translate(_MARKUP)


def code(text: str) -> str:
    """``text`` as a code span of Markdown that may stand in a table (CommonMark 6.1, GFM 4.10)."""
    text = printable(text).replace("|", "\\|")
    fence = "`"
    while fence in text:
        fence += "`"
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"
