"""`python -m aiops_local up | down | status | jaeger | logs | clean`: the stack of this checkout, in `.local`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aiops_local import jaeger_program
from aiops_local.go_program import BuildFailed, CannotBuild
from aiops_local.installations import NotInstalled
from aiops_local.logs import show
from aiops_local.processes import ProcessFailed
from aiops_local.readiness import NotReady
from aiops_local.stack import Stack

ROOT = Path(__file__).resolve().parents[4]
STATE = ROOT / ".local"

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False)


def stack() -> Stack:
    """The stack of this checkout, which says what it does."""
    return Stack(ROOT, STATE, say=lambda what: console.print(f"[dim]{what}[/dim]"))


@app.command()
def up(
    llm: Annotated[str, typer.Option(envvar="LLM", help="`scripted` starts a scripted language model.")] = "",
) -> None:
    """Start what does not run, wait until all is ready, print the addresses."""
    if llm not in ("", "scripted"):
        raise typer.BadParameter(f"LLM={llm} is not known; it is `scripted` or empty")
    environment = stack().up(scripted_llm=llm == "scripted")
    console.print("[bold green]ready[/bold green]")
    for label, address in {
        "GraphQL": environment["GRAPHQL_URL"],
        "RabbitMQ": f"http://{environment['RABBITMQ_MANAGEMENT_URL'].partition('@')[2]}",
        "PostgreSQL": environment["DATABASE_URL"].partition("@")[2],
        "Jaeger": environment["JAEGER_URL"],
        "log in as": environment["ADMIN_EMAIL"],
        "passwords": str(STATE / "stack.env"),
    }.items():
        if address:
            console.print(f"  {label:<12}{address}", soft_wrap=True)


@app.command()
def down() -> None:
    """End everything that `up` started; the data stays."""
    stack().down()


@app.command()
def clean() -> None:
    """End everything, and remove what stands outside `.local`."""
    stack().clean()


@app.command()
def status() -> None:
    """Show what runs; exits with 1 unless everything is ready."""
    table = Table(box=None, header_style="bold")
    for heading in ("name", "state", "pid", "address", "up"):
        table.add_column(heading)
    states = stack().status()
    for one in states:
        state = "[green]ready[/green]" if one.ready else "[yellow]not ready[/yellow]" if one.pid else "[red]down[/red]"
        up_for = "" if one.uptime_seconds is None else f"{one.uptime_seconds:.0f} s"
        table.add_row(one.name, state, str(one.pid or ""), one.address, up_for)
    console.print(table)
    raise typer.Exit(0 if all(one.ready for one in states) else 1)


@app.command()
def jaeger(
    if_possible: Annotated[bool, typer.Option(help="Where it cannot be built, say so and exit with 0.")] = False,
) -> None:
    """Find Jaeger, or build the pinned version with Go; the next `up` uses it."""
    try:
        program = jaeger_program.find() or jaeger_program.build(lambda what: console.print(f"[dim]{what}[/dim]"))
    except CannotBuild as error:
        console.print(escape(str(error)), soft_wrap=True)
        raise typer.Exit(0 if if_possible else 1) from None
    console.print(f"Jaeger {jaeger_program.version_of(program)}: {program}", soft_wrap=True)


@app.command()
def logs(lines: Annotated[int, typer.Option(help="How many earlier lines of each log to show first.")] = 10) -> None:
    """Follow the logs of all processes until interrupted."""
    try:
        show(stack().layout.logs, console, lines)
    except (KeyboardInterrupt, BrokenPipeError):
        raise typer.Exit(0) from None


def main() -> None:
    """Run a command; what went wrong with the stack is told without a traceback."""
    try:
        app()
    except (BuildFailed, NotInstalled, ProcessFailed, NotReady) as error:
        Console(stderr=True, highlight=False).print(f"[bold red]failed[/bold red] {escape(str(error))}", soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
