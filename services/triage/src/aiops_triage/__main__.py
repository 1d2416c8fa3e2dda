"""Commands of the triage service: ``python -m aiops_triage COMMAND``."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, BinaryIO

import typer
from pydantic import BaseModel, ValidationError

from aiops_common.cli import add_service_commands
from aiops_triage.domain import Verdict
from aiops_triage.engine import classify
from aiops_triage.settings import TriageSettings

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
add_service_commands(cli, name="triage", package="aiops_triage", settings_type=TriageSettings)


@cli.callback()
def main() -> None:
    """Triage tickets."""


class TicketLine(BaseModel):
    """One line of input: {"title": "…", "body": "…"}; other members are ignored."""

    title: str
    body: str = ""


class InvalidLine(ValueError):
    """A line of input is no ticket; the message names the line and what is wrong with it."""


@cli.command("classify")
def classify_command(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help='JSON Lines {"title", "body"}; - reads stdin.')],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per ticket.")] = False,
) -> None:
    """Triage the tickets of FILE offline: no database, no broker, no language model."""
    try:
        for number, ticket in read_tickets(file):
            verdict = classify(ticket.title, ticket.body)
            typer.echo(as_json_line(number, verdict) if as_json else as_text(number, ticket.title, verdict))
    except InvalidLine as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error


def read_tickets(lines: BinaryIO) -> Iterator[tuple[int, TicketLine]]:
    """The tickets in ``lines`` with their line numbers, from 1; empty lines are skipped. Raises InvalidLine."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield number, TicketLine.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            what = f"{place}: {first['msg']}" if place else first["msg"]
            raise InvalidLine(f'line {number}: {what}; expected {{"title": "…", "body": "…"}}') from None


def as_json_line(number: int, verdict: Verdict) -> str:
    """``verdict`` on the ticket of line ``number`` as one line of JSON."""
    return json.dumps({"line": number, **asdict(verdict)}, ensure_ascii=False)


def as_text(number: int, title: str, verdict: Verdict) -> str:
    """``verdict`` on the ticket of line ``number`` for a person to read."""
    review = "  needs review" if verdict.needs_review else ""
    head = f"{number:>5}  {verdict.priority}  {verdict.severity:<8}  {verdict.category:<15}  {verdict.confidence:.2f}"
    labels = [f"labels: {', '.join(verdict.labels)}"] if verdict.labels else []
    details = [*verdict.reasons, *labels]
    return "\n".join([f"{head}  {' '.join(title.split())[:80]}{review}", *(f"{'':7}{detail}" for detail in details)])


if __name__ == "__main__":
    sys.exit(cli())
