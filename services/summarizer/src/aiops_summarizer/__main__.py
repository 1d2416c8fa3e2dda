"""``python -m aiops_summarizer``: the summarizer's commands."""

import importlib
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from aiops_common.cli import WRONG_USAGE, add_service_commands
from aiops_common.logging import setup_command_logging
from aiops_common.sealing import Keyring
from aiops_common.settings import load_settings
from aiops_summarizer.settings import SummarizerSettings

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
add_service_commands(cli, name="summarizer", package="aiops_summarizer", settings_type=SummarizerSettings)


@cli.callback()
def main() -> None:
    """Log summaries."""


@cli.command()
def reseal(as_json: Annotated[bool, typer.Option("--json", help="Write JSON instead of text.")] = False) -> None:
    """Seal the logs as they came in anew under the newest of SUMMARIZER_CONTENT_KEYS, so that older keys can go.

    It can be run beside the service, be ended at any time, and be run again. Exits with 1 if some are left under an
    older key (one that is not set any more, or that does not open them), or if PostgreSQL does not answer.
    """
    # The driver of PostgreSQL is not worth loading for the commands that work offline.
    command = importlib.import_module("aiops_summarizer.resealing")
    settings = load_settings(SummarizerSettings)
    setup_command_logging("summarizer")
    keyring = Keyring.parse(settings.content_keys)
    raise typer.Exit(command.run(settings.database_url.get_secret_value(), keyring, as_json=as_json))


@cli.command()
def digest(
    file: Annotated[
        str | None, typer.Argument(help="Log file, also compressed with gzip, or - for standard input.")
    ] = None,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="OLD NEW", help="Say how the log NEW differs from the log OLD instead."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON instead of text.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Write Markdown instead of text.")] = False,
    assignments: Annotated[
        Path | None, typer.Option(help="Also write the template of every line to this file, as JSON lines.")
    ] = None,
) -> None:
    """Digest a log offline: no services, no network.

    What is written is redacted. Exits with 2 if a log cannot be read, with 130 after an interruption (Ctrl-C), which
    ends the reading: what was read until then is told all the same.
    """
    if (file is None) == (compare is None):
        _refuse("name one log (- for standard input), or two with --compare OLD NEW")
    if as_json and as_markdown:
        _refuse("--json and --markdown exclude each other")
    if compare and assignments:
        _refuse("--assignments is for one log, not for --compare")
    # Only this command needs the engine and a progress bar.
    command = importlib.import_module("aiops_summarizer.command.digest")
    form = command.Form.JSON if as_json else command.Form.MARKDOWN if as_markdown else command.Form.TEXT
    if compare:
        command.run_comparison(*compare, form)
    else:
        command.run(file, form, assignments)


def _refuse(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise typer.Exit(WRONG_USAGE)


if __name__ == "__main__":
    cli()
