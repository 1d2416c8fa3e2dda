"""Shows on a terminal how far the reading has come."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

Step = Callable[[int], None]
"""Is told how many lines were read."""


@contextmanager
def showing_progress(name: str, size: int | None) -> Iterator[Callable[[int | None, int], None]]:
    """A function that is told how many bytes (None if nobody knows) and lines of ``name`` were read.

    ``size``: bytes in all; without it there is a spinner in place of a bar. Where standard error is no terminal,
    nothing is shown.
    """
    if not sys.stderr.isatty():
        yield lambda _bytes, _lines: None
        return
    lines = TextColumn("{task.fields[lines]:,} lines")
    columns = [BarColumn(), DownloadColumn(), TimeRemainingColumn()] if size else [SpinnerColumn()]
    with Progress(
        TextColumn("{task.description}"), *columns, lines, console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task(name if name != "-" else "standard input", total=size, lines=0)
        yield lambda done, count: bar.update(task, completed=done, lines=count)
