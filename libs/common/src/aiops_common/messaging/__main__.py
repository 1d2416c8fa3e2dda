"""``python -m aiops_common.messaging``: what an operator does to the broker."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import stamina.instrumentation
import typer

from aiops_common.logging import setup_command_logging
from aiops_common.messaging.provision import Plan, ProvisioningFailed, provision
from aiops_common.messaging.topology import InvalidTopology, Topology, load

URL_VARIABLE = "RABBITMQ_MANAGEMENT_URL"
WRONG_USAGE = 2

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def messaging() -> None:
    """Look after the broker."""
    setup_command_logging("messaging")


@app.command("provision")
def provision_command(
    file: Annotated[Path, typer.Argument(help="The topology, e.g. deploy/rabbitmq/topology.yaml")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change and change nothing.")] = False,
    vhost: Annotated[str, typer.Option(help="The virtual host; it must exist.")] = "/",
    deadline: Annotated[float, typer.Option(help="Seconds to wait for the broker and its queues.")] = 60.0,
) -> None:
    """Declare exchanges, queues, bindings, policies and users.

    RABBITMQ_MANAGEMENT_URL is http://user:password@host:port of an administrator; RABBITMQ_PASSWORD_<USER> holds the
    password of each user of the topology. Exits with 1 if the broker differs in a way that cannot be changed or does
    not answer, with 2 if the file or a variable is wrong.
    """
    # A broker that is not up yet is expected here, so its retries are not worth a line each.
    stamina.instrumentation.set_on_retry_hooks([])
    try:
        topology = load(file)
        url, passwords = _secrets(topology)
    except (InvalidTopology, OSError, KeyError) as error:
        typer.echo(error.args[0] if isinstance(error, KeyError) else error, err=True)
        raise typer.Exit(WRONG_USAGE) from error
    try:
        plan = asyncio.run(provision(topology, url, passwords, vhost=vhost, dry_run=dry_run, deadline=deadline))
    except ProvisioningFailed as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from error
    _print(plan, dry_run=dry_run)


def _secrets(topology: Topology) -> tuple[str, dict[str, str]]:
    variables = {user.name: f"RABBITMQ_PASSWORD_{user.name.upper().replace('-', '_')}" for user in topology.users}
    if missing := [name for name in (URL_VARIABLE, *variables.values()) if not os.environ.get(name)]:
        raise KeyError(f"set {', '.join(missing)}")
    return os.environ[URL_VARIABLE], {user: os.environ[name] for user, name in variables.items()}


def _print(plan: Plan, *, dry_run: bool) -> None:
    for change in plan.changes:
        if dry_run or change.verb != "create":
            typer.echo(f"{'would ' if dry_run else ''}{change}")
    count = {verb: sum(change.verb == verb for change in plan.changes) for verb in ("create", "update", "remove")}
    typer.echo(
        f"{'dry run: ' if dry_run else ''}created {count['create']}, updated {count['update']}, "
        f"removed {count['remove']}, unchanged {plan.unchanged}"
    )


if __name__ == "__main__":
    app()
