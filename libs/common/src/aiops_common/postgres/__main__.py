"""``python -m aiops_common.postgres``: what an operator does to the database server."""

import os
from pathlib import Path
from typing import Annotated

import stamina.instrumentation
import typer

from aiops_common.postgres.append_only import Tampered
from aiops_common.postgres.provision import InvalidRoles, ProvisioningFailed, Roles, load, protect, provision

URL_VARIABLE = "POSTGRES_ADMIN_URL"
WRONG_USAGE = 2

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def postgres() -> None:
    """Look after the database server."""


File = Annotated[Path, typer.Argument(help="The roles.")]
Deadline = Annotated[float, typer.Option(help="Seconds to wait for a server that is still starting.")]

ROLES_FILE = Path("deploy/postgres/roles.yaml")


@app.command("provision")
def provision_command(file: File = ROLES_FILE, deadline: Deadline = 60.0) -> None:
    """Make one role and one schema for each service, closed to all others.

    POSTGRES_ADMIN_URL is postgresql://user:password@host:port/database of an administrator, with the database that the
    services use; POSTGRES_PASSWORD_<ROLE> holds the password of each role. Exits with 1 if the server does not answer
    or refuses, with 2 if the file or a variable is wrong.
    """
    roles = _load(file)
    variables = {role: f"POSTGRES_PASSWORD_{role.upper()}" for role in roles.roles}
    _require(URL_VARIABLE, *variables.values())
    passwords = {role: os.environ[name] for role, name in variables.items()}
    try:
        done = provision(roles, os.environ[URL_VARIABLE], passwords, deadline=deadline)
    except (ProvisioningFailed, Tampered) as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from error
    typer.echo(
        f"database {done.database}: {len(roles.roles)} roles ({len(done.created_roles)} new), "
        f"{len(done.created_schemas)} new schemas, all passwords set"
    )


@app.command("protect")
def protect_command(file: File = ROLES_FILE, deadline: Deadline = 60.0) -> None:
    """Take the append-only tables from the services' roles; run it each time after migrating.

    POSTGRES_ADMIN_URL as for `provision`. Exits with 1 if a table does not exist yet or carries what could change its
    rows, or if the server does not answer or refuses; with 2 if the file or the variable is wrong.
    """
    roles = _load(file)
    _require(URL_VARIABLE)
    try:
        done = protect(roles, os.environ[URL_VARIABLE], deadline=deadline)
    except (ProvisioningFailed, Tampered) as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from error
    total = sum(len(tables) for tables in roles.append_only.values()) - len(done.missing)
    typer.echo(f"database {done.database}: {total} append-only tables protected ({len(done.taken)} newly)")
    if done.missing:
        typer.echo(f"not there yet, migrate and run this again: {', '.join(done.missing)}", err=True)
        raise typer.Exit(1)


def _load(file: Path) -> Roles:
    # A server that is not up yet is expected here, so its retries are not worth a line each.
    stamina.instrumentation.set_on_retry_hooks([])
    try:
        return load(file)
    except (InvalidRoles, OSError) as error:
        typer.echo(error, err=True)
        raise typer.Exit(WRONG_USAGE) from error


def _require(*variables: str) -> None:
    if missing := [name for name in variables if not os.environ.get(name)]:
        typer.echo(f"set {', '.join(missing)}", err=True)
        raise typer.Exit(WRONG_USAGE)


if __name__ == "__main__":
    app()
