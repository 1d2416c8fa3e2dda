"""``python -m deploy.bluegreen status|switch|back --namespace NAMESPACE``: from one release to the other beside it.

To be run from the root of the checkout, with kubectl on the PATH. See docs/runbook.md.
"""

import signal
import sys
from datetime import UTC, datetime
from types import FrameType
from typing import Annotated

import typer
from deploy.bluegreen.kubernetes import Kubernetes
from deploy.bluegreen.place import SERVICES, Health, Place, PlaceFailed, Process, other
from deploy.bluegreen.switching import Plan, Refused, TakenBack, all_health, back, switch
from deploy.bluegreen.watching import Limits

from aiops_common.colours import named
from aiops_common.settings import Colour

NOT_SWITCHED = 1
NOT_TAKEN_BACK = 3

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

Namespace = Annotated[str, typer.Option(help="Where both colours run.")]
Context = Annotated[str | None, typer.Option(help="Of kubectl's configuration; else the current one.")]


@app.callback()
def bluegreen() -> None:
    """Two releases beside each other: which one has the clients and the work."""


@app.command("status")
def status_command(namespace: Namespace, context: Context = None) -> None:
    """Show whom clients reach, who takes the work, and how every process is."""
    place = _place(namespace, context)
    try:
        reached = place.clients_reach()
        typer.echo(f"clients reach {reached or 'both'}")
        for colour in Colour:
            found = all_health(place, place.processes(colour))
            for service in SERVICES:
                _show(colour, service, {one: it for one, it in found.items() if one.service == service})
        through = reached or Colour.BLUE
        for service in SERVICES:
            typer.echo(f"{service}: {named(place.taking(service, through))} takes the work")
    except PlaceFailed as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(NOT_SWITCHED) from None


@app.command("switch")
def switch_command(
    to: Colour,
    namespace: Namespace,
    context: Context = None,
    watch_seconds: Annotated[float, typer.Option(min=0, help="For how long it is looked at afterwards.")] = 300.0,
    most_failing: Annotated[float, typer.Option(min=0, max=1, help="The share of failures that is borne.")] = 0.05,
    most_wait_seconds: Annotated[float, typer.Option(min=0, help="How long work may wait in a queue.")] = 30.0,
) -> None:
    """Let the colour TO take the work and the clients; take it back where it is not well.

    Exits with 1, everything being as before, if TO is not fit or was not well; with 3 if something could not be taken
    back, which it names: run `back`. Ctrl-C and SIGTERM take back too.
    """
    plan = Plan(watch_seconds, limits=Limits(failing=most_failing, wait_seconds=most_wait_seconds))
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        switch(_place(namespace, context), to, plan, _say)
    except Refused as error:
        _say(f"nothing was changed: {error}")
        raise typer.Exit(NOT_SWITCHED) from None
    except TakenBack as error:
        _end(other(to), error.left)
        raise typer.Exit(NOT_SWITCHED) from None


@app.command("back")
def back_command(to: Colour, namespace: Namespace, context: Context = None) -> None:
    """Let the colour TO take clients and work at once, without preflight and watch: for when there is no time.

    Also the first decision, while both colours have one release. Exits with 3 if something could not be done.
    """
    _end(to, back(_place(namespace, context), to, Plan(), _say))


def _place(namespace: str, context: str | None) -> Place:
    return Kubernetes(namespace, ("kubectl", *(("--context", context) if context else ())))


def _end(colour: Colour, left: list[str]) -> None:
    if left:
        _say(f"{colour} has not everything: {'; '.join(left)}. Run `back {colour}` again.")
        raise typer.Exit(NOT_TAKEN_BACK)
    _say(f"{colour} has the clients and the work")


def _show(colour: Colour, service: str, found: dict[Process, Health]) -> None:
    typer.echo(f"{colour:<6}{service:<12}{', '.join(sorted({one.release for one in found})) or 'no process'}")
    for process, it in found.items():
        typer.echo(f"      {process.name}: {'; '.join(it.problems) or it.turn}")


def _say(text: str) -> None:
    typer.echo(f"{datetime.now(UTC):%H:%M:%S} {text}")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(app())
