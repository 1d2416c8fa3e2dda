"""``python -m aiops_gateway``: serve, migrate, and print the schema."""

import importlib

import typer

from aiops_common.cli import add_service_commands
from aiops_gateway.settings import GatewaySettings

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="GraphQL gateway of the AI Ops Assistant.",
)
add_service_commands(cli, name="gateway", package="aiops_gateway", settings_type=GatewaySettings)


@cli.command()
def schema() -> None:
    """Print the GraphQL schema."""
    # Imported here, like the application: serving and migrating have no use for it.
    print(importlib.import_module("aiops_gateway.graphql.schema").sdl())


if __name__ == "__main__":
    cli()
