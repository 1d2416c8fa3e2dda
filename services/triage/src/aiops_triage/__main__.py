"""Commands of the triage service: ``python -m aiops_triage COMMAND``."""

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from aiops_common.cli import add_service_commands
from aiops_triage.command.classifying import classified
from aiops_triage.command.failing import WRONG_INPUT, fail, told_failures
from aiops_triage.domain import TicketCategory
from aiops_triage.settings import TriageSettings

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
add_service_commands(cli, name="triage", package="aiops_triage", settings_type=TriageSettings)

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON instead of text.")]


def _loaded(name: str) -> Any:
    """A module of commands that reach the database, whose driver is not worth loading for those that work offline."""
    return importlib.import_module(f"aiops_triage.command.{name}")


@cli.callback()
def main() -> None:
    """Triage tickets."""


@cli.command("classify")
def classify_command(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help='JSON Lines {"title", "body"}; - reads stdin.')],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per ticket.")] = False,
    model: Annotated[
        Path | None, typer.Option(help="A model that train --out wrote; it decides the category with the rules.")
    ] = None,
) -> None:
    """Triage the tickets of FILE offline: no database, no broker, no language model."""
    with told_failures():
        for text in classified(file, model, as_json=as_json):
            typer.echo(text)


@cli.command("train")
def train_command(
    source: Annotated[
        typer.FileBinaryRead | None,
        typer.Option("--from", help='JSON Lines {"title", "body", "category"} to learn from; - reads stdin.'),
    ] = None,
    corrections: Annotated[bool, typer.Option(help="Learn from what people corrected; with --from, beside it.")] = True,
    activate: Annotated[bool, typer.Option("--activate", help="Let it decide, unless it is worse.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write the model here and leave the database alone; needs --from.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="Another closed set of categories, separated by commas; needs --out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a model, add it to the registry, and print its metrics beside those of the active one.

    Exits with 1 where there are too few examples, or where it was to be activated and is worse; with 2 for wrong input.
    """
    training = _loaded("training")
    named = labels.split(",") if labels else TicketCategory
    closed_set = [label for label in map(str.strip, named) if label]
    if out is not None:
        if source is None or activate:
            fail("--out trains offline: it needs --from, and nothing can be activated", WRONG_INPUT)
        trained = training.train_to_file(source, closed_set, out)
    elif labels is not None:
        fail("--labels needs --out: the registry holds models for the service's own categories only", WRONG_INPUT)
    elif source is None and not corrections:
        fail("there is nothing to learn from: leave out --no-corrections, or give --from FILE", WRONG_INPUT)
    else:
        trained = training.train_to_registry(source, with_corrections=corrections, activate=activate)
    training.report(trained, asked_to_activate=activate, as_json=as_json)


@cli.command("models")
def models_command(as_json: AsJson = False) -> None:
    """List the trained models with their metrics, the oldest first."""
    typer.echo(_loaded("models").listed(as_json=as_json))


@cli.command("activate")
def activate_command(
    version: Annotated[str, typer.Argument(help='As "models" lists it; "rules" for none.')], as_json: AsJson = False
) -> None:
    """Let a model decide from now on; running services take it within seconds."""
    typer.echo(_loaded("models").activated(version, as_json=as_json))


@cli.command("roll-back")
def roll_back_command(as_json: AsJson = False) -> None:
    """Return to the model that was active before this one, or to the rules alone."""
    typer.echo(_loaded("models").rolled_back(as_json=as_json))


@cli.command("export")
def export_command() -> None:
    """Write what people corrected as JSON Lines to tune a language model with, in the chat format of OpenAI's API."""
    left_out = _loaded("exporting").export(typer.echo)
    if left_out:
        typer.echo(f"{left_out} corrections were left out: their tickets have no words to cite", err=True)


if __name__ == "__main__":
    sys.exit(cli())
