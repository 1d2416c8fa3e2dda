"""``python -m aiops_auth``: serve and migrate."""

import typer

from aiops_auth.settings import AuthSettings
from aiops_common.cli import add_service_commands

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Accounts and tokens of the AI Ops Assistant.",
)
add_service_commands(cli, name="auth", package="aiops_auth", settings_type=AuthSettings)

if __name__ == "__main__":
    cli()
