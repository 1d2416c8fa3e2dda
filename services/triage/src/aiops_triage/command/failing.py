"""How a command ends that could not do what it was asked to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import typer

from aiops_triage.command.lines import InvalidLine
from aiops_triage.engine.model import InvalidModel, TooFewExamples

FAILED: Final = 1
WRONG_INPUT: Final = 2


def fail(what: str, status: int = FAILED) -> NoReturn:
    """End the process with ``status`` after saying ``what`` on standard error."""
    typer.echo(f"error: {what}", err=True)
    raise typer.Exit(status)


@contextmanager
def told_failures() -> Iterator[None]:
    """Say what is expected to go wrong in a line on standard error; what is wrong with the input ends with 2."""
    try:
        yield
    except (InvalidLine, InvalidModel) as error:
        fail(str(error), WRONG_INPUT)
    except (TooFewExamples, OSError) as error:
        fail(str(error))
