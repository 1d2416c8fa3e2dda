"""``python -m aiops_common.postgres``: what an operator does to the database server."""

import os
from pathlib import Path
from typing import Annotated

import stamina.instrumentation
import typer

from aiops_common.postgres.provision import InvalidRoles, ProvisioningFailed, load, provision

URL_VARIABLE = "POSTGRES_ADMIN_URL"
WRONG_USAGE = 2

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def postgres() -> None:
    """Look after the database server."""


@app.command("provision")
def provision_command(
    file: Annotated[Path, typer.Argument(help="The roles.")] = Path("deploy/postgres/roles.yaml"),
    deadline: Annotated[float, typer.Option(help="Seconds to wait for a server that is still starting.")] = 60.0,
) -> None:
    """Make one role and one schema for each service, closed to all others.

    POSTGRES_ADMIN_URL is postgresql://user:password@host:port/database of an administrator, with the database that the
    services use; POSTGRES_PASSWORD_<ROLE> holds the password of each role. Exits with 1 if the server does not answer
    or refuses, with 2 if the file or a variable is wrong.
    """
    # A server that is not up yet is expected here, so its retries are not worth a line each.
    stamina.instrumentation.set_on_retry_hooks([])
    try:
        roles = load(file)
    except (InvalidRoles, OSError) as error:
        typer.echo(error, err=True)
        raise typer.Exit(WRONG_USAGE) from error
    variables = {role: f"POSTGRES_PASSWORD_{role.upper()}" for role in roles.roles}
    if missing := [name for name in (URL_VARIABLE, *variables.values()) if not os.environ.get(name)]:
        typer.echo(f"set {', '.join(missing)}", err=True)
        raise typer.Exit(WRONG_USAGE)
    passwords = {role: os.environ[name] for role, name in variables.items()}
    try:
        done = provision(roles, os.environ[URL_VARIABLE], passwords, deadline=deadline)
    except ProvisioningFailed as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from error
    typer.echo(
        f"database {done.database}: {len(roles.roles)} roles ({len(done.created_roles)} new), "
        f"{len(done.created_schemas)} new schemas, all passwords set"
    )


if __name__ == "__main__":
    app()
