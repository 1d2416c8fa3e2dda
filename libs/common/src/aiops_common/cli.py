"""The commands that every service has: ``serve`` and ``migrate``."""

import importlib
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

import typer
import uvicorn
from starlette.applications import Starlette

from aiops_common.logging import setup_logging
from aiops_common.settings import ServiceSettings, load_settings
from aiops_common.telemetry import setup_telemetry

S = TypeVar("S", bound=ServiceSettings)


class Phase(StrEnum):
    """Migrations before a roll-out only add; those after it may take away."""

    EXPAND = "expand"
    CONTRACT = "contract"


def add_service_commands(cli: typer.Typer, *, name: str, package: str, settings_type: type[S]) -> None:
    """Add ``serve`` and ``migrate`` for the service ``name`` to ``cli``.

    ``<package>.app.build_app(settings)`` is imported only to serve, so that offline commands start at once.
    """

    @cli.command()
    def serve() -> None:
        """Run the service until SIGTERM; settings come from the environment."""
        _serve(name, package, load_settings(settings_type))

    @cli.command()
    def migrate(phase: Phase = Phase.EXPAND) -> None:
        """Bring the schema up to date; prints each migration that was applied."""
        _migrate(name, package, load_settings(settings_type), phase)


def _serve(name: str, package: str, settings: ServiceSettings) -> None:
    setup_logging(name, settings.log_level)
    flush_spans = setup_telemetry(name)
    build_app: Callable[[ServiceSettings], Starlette] = importlib.import_module(f"{package}.app").build_app
    try:
        uvicorn.run(
            build_app(settings),
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
    finally:
        flush_spans()


def _migrate(name: str, package: str, settings: ServiceSettings, phase: Phase) -> None:
    # Alembic and SQLAlchemy take a second to import; the other commands do without them.
    migrations = importlib.import_module("aiops_common.postgres.migrate")
    try:
        applied = migrations.migrate(settings.database_url.get_secret_value(), name, package, phase.value)
    except migrations.MigrationFailed as error:
        typer.echo(f"{name}: {error}", err=True)
        raise typer.Exit(1) from None
    for revision in applied:
        typer.echo(f"{name}: applied {revision}")
    if not applied:
        typer.echo(f"{name}: {phase.value} is up to date")
