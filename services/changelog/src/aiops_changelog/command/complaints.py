"""How the offline commands say what they cannot do."""

import typer

WRONG_USAGE = 2


def failure(message: str) -> typer.Exit:
    """The exit to raise after ``message`` was written to standard error."""
    typer.echo(f"error: {message}", err=True)
    return typer.Exit(WRONG_USAGE)


def remark(message: str) -> None:
    """Say something on standard error that ends nothing."""
    typer.echo(message, err=True)
