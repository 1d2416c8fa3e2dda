"""The command itself: reads one log or two, and writes what the engine finds."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

import typer

from aiops_summarizer.command import contrasting, rendering
from aiops_summarizer.command.assigning import replacing, spool, write_assignments
from aiops_summarizer.command.cleaning import without_secret_changes, without_secrets, without_values
from aiops_summarizer.command.interruption import Interruption, interruptible
from aiops_summarizer.command.reading import Unreadable, lines_of
from aiops_summarizer.command.writing import write
from aiops_summarizer.domain import Digest
from aiops_summarizer.engine import conclude, scan
from aiops_summarizer.engine.comparison import differences
from aiops_summarizer.engine.overview import survey
from aiops_summarizer.engine.pipeline import Scanned

_WRONG_INPUT: Final = 2
_INTERRUPTED: Final = 130


class Form(StrEnum):
    """How the result is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


_DIGESTS: Final = {Form.TEXT: rendering.as_text, Form.MARKDOWN: rendering.as_markdown, Form.JSON: rendering.as_json}
_COMPARISONS: Final = {
    Form.TEXT: contrasting.as_text,
    Form.MARKDOWN: contrasting.as_markdown,
    Form.JSON: contrasting.as_json,
}


def run(file: str, form: Form, assignments: Path | None) -> None:
    """Digest ``file`` ("-" is standard input). Raises typer.Exit: 2 if it cannot be read, 130 after SIGINT."""
    with _failing_clearly():
        with interruptible() as interruption:
            found = _found(file, interruption, assignments)
        write(_DIGESTS[form](found))
    _end(interruption, found.line_count)


def _found(file: str, interruption: Interruption, assignments: Path | None) -> Digest:
    return without_values(conclude(without_secrets(survey(_scanned(file, interruption, assignments)))))


def run_comparison(old: str, new: str, form: Form) -> None:
    """Say how ``new`` differs from ``old``. Raises typer.Exit as ``run`` does."""
    with _failing_clearly():
        with interruptible() as interruption:
            before = survey(_scanned(old, interruption, None))
            if interruption.came:
                typer.echo(f"interrupted before {new} was read: there is nothing to compare", err=True)
                raise typer.Exit(_INTERRUPTED)
            after = survey(_scanned(new, interruption, None))
        write(_COMPARISONS[form](without_secret_changes(differences(before, after))))
    _end(interruption, after.line_count)


def _end(interruption: Interruption, line_count: int) -> None:
    if interruption.came:
        typer.echo(f"interrupted: this is what the first {line_count} lines say", err=True)
        raise typer.Exit(_INTERRUPTED)


@contextmanager
def _failing_clearly() -> Iterator[None]:
    try:
        yield
    except Unreadable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(_WRONG_INPUT) from error
    except OSError as error:
        typer.echo(f"cannot write {error.filename or 'a temporary file'}: {error.strerror or error}", err=True)
        raise typer.Exit(_WRONG_INPUT) from error


def _scanned(file: str, interruption: Interruption, assignments: Path | None) -> Scanned:
    with ExitStack() as stack:
        if assignments is None:
            return scan(stack.enter_context(lines_of(file, interruption)))
        # A line's template is final only at the end of the log: the slots wait on disk until then.
        slots = stack.enter_context(tempfile.TemporaryFile())
        lines = stack.enter_context(lines_of(file, interruption))
        out = stack.enter_context(replacing(assignments, file))
        scanned = scan(lines, assign=lambda slot: spool(slot, slots))
        write_assignments(slots, scanned.store, out)
        return scanned
