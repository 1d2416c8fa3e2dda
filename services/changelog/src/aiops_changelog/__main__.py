"""python -m aiops_changelog: the offline command of the engine, and the service's own commands."""

import importlib
import sys

import typer

from aiops_changelog.command.render import render

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
cli.command()(render)


@cli.callback()
def _commands() -> None:
    """Changelogs from commits."""


if sys.argv[1:2] != ["render"]:  # a server's libraries take longer to load than a changelog of 10,000 commits
    importlib.import_module("aiops_common.cli").add_service_commands(
        cli,
        name="changelog",
        package="aiops_changelog",
        settings_type=importlib.import_module("aiops_changelog.settings").ChangelogSettings,
    )

if __name__ == "__main__":
    cli()
