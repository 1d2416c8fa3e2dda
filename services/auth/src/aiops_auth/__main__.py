"""``python -m aiops_auth``: serve, migrate, rotate keys."""

import importlib
from typing import Annotated

import typer

from aiops_auth.settings import AuthSettings
from aiops_common.cli import add_service_commands
from aiops_common.settings import load_settings

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Accounts and tokens of the AI Ops Assistant.",
)
add_service_commands(cli, name="auth", package="aiops_auth", settings_type=AuthSettings)


@cli.command()
def rotate_keys(
    now: Annotated[bool, typer.Option("--now", help="The keys may have leaked: the old ones count no more.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON instead of text.")] = False,
) -> None:
    """Make new keys for signing tokens and for encrypting credentials.

    The new signing key signs after AUTH_KEY_LEAD_SECONDS, by when every gateway knows it; those before it are believed
    until the last token that they signed has expired, so nobody notices. With --now the new keys count at once and
    nothing of the old ones does: everybody needs a new access token, which their refresh tokens still give. A running
    auth does the same by itself every AUTH_KEY_ROTATION_DAYS, and is needed to announce what is done here. Exits with 1
    if PostgreSQL does not answer.
    """
    # Imported here, like the application: serving and migrating have no use for it.
    command = importlib.import_module("aiops_auth.rotation")
    command.rotate_keys(load_settings(AuthSettings), at_once=now, as_json=as_json)


if __name__ == "__main__":
    cli()
