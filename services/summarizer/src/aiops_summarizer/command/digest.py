"""The command itself: reads one log or two, and writes what the engine finds."""

import json
import sys
import tempfile
from array import array
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final, TextIO

import typer

from aiops_common.redaction import redact
from aiops_summarizer.command import contrasting, rendering
from aiops_summarizer.command.cleaning import without_secrets, without_values
from aiops_summarizer.command.interruption import Interruption, interruptible
from aiops_summarizer.command.reading import Unreadable, lines_of
from aiops_summarizer.command.writing import write
from aiops_summarizer.engine import conclude, scan
from aiops_summarizer.engine.comparison import differences
from aiops_summarizer.engine.overview import survey
from aiops_summarizer.engine.pipeline import Scanned
from aiops_summarizer.engine.templates import TemplateStore

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
            log = without_secrets(survey(_scanned(file, interruption, assignments)))
            found = without_values(conclude(log))
        write(_DIGESTS[form](found))
    _end(interruption, found.line_count)


def run_comparison(old: str, new: str, form: Form) -> None:
    """Say how ``new`` differs from ``old``. Raises typer.Exit as ``run`` does."""
    with _failing_clearly():
        with interruptible() as interruption:
            before = without_secrets(survey(_scanned(old, interruption, None)))
            if interruption.came:
                typer.echo(f"interrupted before {new} was read: there is nothing to compare", err=True)
                raise typer.Exit(_INTERRUPTED)
            after = without_secrets(survey(_scanned(new, interruption, None)))
        write(_COMPARISONS[form](differences(before, after)))
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
        out = stack.enter_context(assignments.open("w", encoding="utf-8"))
        scanned = scan(lines, assign=lambda slot: _spool(slot, slots))
        _write_assignments(slots, scanned.store, out)
        return scanned


def _spool(slot: int, slots: BinaryIO) -> None:
    slots.write(slot.to_bytes(4, "little"))


def _write_assignments(slots: BinaryIO, store: TemplateStore, out: TextIO) -> None:
    slots.seek(0)
    number = 0
    known: dict[int, str] = {}
    while block := slots.read(1 << 16):
        chunk = array("I", block)
        if sys.byteorder == "big":
            chunk.byteswap()
        for slot in chunk:
            number += 1
            template = known.get(slot)
            if template is None:
                template = known[slot] = json.dumps(redact(store.template_of(slot)).text, ensure_ascii=False)
            out.write(f'{{"line":{number},"template":{template}}}\n')
