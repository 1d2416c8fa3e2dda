"""Reads the lines of a log from a file or from standard input, plain or compressed."""

import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import typer

from aiops_summarizer.command.interruption import Interrupted, Interruption
from aiops_summarizer.command.progress import Step, showing_progress

STANDARD_INPUT: Final = "-"

_MAX_LINE: Final = 1 << 20
"""Characters of a line that are looked at; what follows is skipped, so that no line can exhaust the memory."""

_GZIP: Final = b"\x1f\x8b"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_LINES_PER_STEP: Final = 2000
_DAMAGED: Final = (OSError, EOFError, zlib.error)


class Unreadable(Exception):
    """The log cannot be read. Says which one and why."""


@contextmanager
def lines_of(name: str, interruption: Interruption) -> Iterator[Iterator[str]]:
    """The lines of a file, or of standard input for "-", without their ends; gzip and UTF-16 are recognised.

    The iterator ends early when ``interruption`` came. Raises Unreadable, the iterator too, where the input is damaged.
    """
    with ExitStack() as stack:
        try:
            source = _opened(name, stack)
            size = os.fstat(source.fileno()).st_size if name != STANDARD_INPUT else 0
        except OSError as error:
            raise _unreadable(name, error) from error
        show = stack.enter_context(showing_progress(name, size or None))
        yield _lines(name, source, interruption, lambda lines: show(source.tell() if size else None, lines))


def _opened(name: str, stack: ExitStack) -> io.BufferedReader:
    if name != STANDARD_INPUT:
        return stack.enter_context(Path(name).open("rb"))
    # A reader of our own: what is closed at the end must not be standard input itself. Below its buffer, because one
    # buffer on top of another waits until it is full.
    below: Any = getattr(sys.stdin.buffer, "raw", None) or sys.stdin.buffer
    source: io.BufferedReader = io.BufferedReader(below)
    stack.callback(source.detach)
    return source


def _lines(name: str, source: io.BufferedReader, interruption: Interruption, show: Step) -> Iterator[str]:
    count = 0
    text: io.TextIOWrapper | None = None
    try:
        interruption.is_waiting = True
        text = _decoded(name, source)
        while not interruption.came:
            interruption.is_waiting = True
            chunk = line = text.readline(_MAX_LINE)
            while len(chunk) == _MAX_LINE and not chunk.endswith("\n"):
                chunk = text.readline(_MAX_LINE)
            interruption.is_waiting = False
            if not line:
                return
            yield line.rstrip("\r\n")
            count += 1
            if count % _LINES_PER_STEP == 0:
                show(count)
    except Interrupted:
        return
    except _DAMAGED as error:
        raise _unreadable(name, error) from error
    finally:
        interruption.is_waiting = False
        if text is not None:
            text.detach()


def _decoded(name: str, source: io.BufferedReader) -> io.TextIOWrapper:
    is_packed = source.peek(2)[:2] == _GZIP
    binary = gzip.GzipFile(fileobj=source) if is_packed else source
    start = binary.peek(2)
    if start[:2] in _UTF_16:
        return io.TextIOWrapper(binary, "utf-16", "replace", newline="\n")
    if b"\0" in start:
        typer.echo(f"{_shown(name)} has bytes in it that no text has: is it a log?", err=True)
    return io.TextIOWrapper(binary, "utf-8-sig", "replace", newline="\n")


def _shown(name: str) -> str:
    return "standard input" if name == STANDARD_INPUT else name


def _unreadable(name: str, error: Exception) -> Unreadable:
    shown = _shown(name)
    if isinstance(error, EOFError):
        return Unreadable(f"cannot read {shown}: the compressed file ends too early; was it cut off?")
    if isinstance(error, zlib.error | gzip.BadGzipFile):
        return Unreadable(f"cannot read {shown}: it is not a valid gzip file ({error}); unpack it and try again")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return Unreadable(f"cannot read {shown}: {reason}")
