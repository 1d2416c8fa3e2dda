"""The commands that every service has: ``serve``, ``migrate``, ``resend`` and ``colours``."""

import contextlib
import importlib
import resource
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from types import FrameType
from typing import Annotated, TypeVar
from uuid import UUID

import typer
import uvicorn
from prometheus_client import disable_created_metrics
from pydantic import SecretStr
from starlette.applications import Starlette

from aiops_common.arguments import instant
from aiops_common.logging import get_logger, setup_command_logging, setup_logging
from aiops_common.postgres.releases import with_release
from aiops_common.settings import Colour, ServiceSettings, load_settings, told
from aiops_common.telemetry import setup_telemetry

_log = get_logger(__name__)

S = TypeVar("S", bound=ServiceSettings)

WRONG_USAGE = 2


class Phase(StrEnum):
    """Migrations before a roll-out only add; those after it may take away."""

    EXPAND = "expand"
    CONTRACT = "contract"


Ids = Annotated[list[UUID] | None, typer.Option("--id", help="The message with this id; may be given several times.")]
Types = Annotated[
    list[str] | None, typer.Option("--type", help="Messages of this wire type; may be given several times.")
]
Since = Annotated[
    datetime | None,
    typer.Option(parser=instant, metavar="TIME", help="Messages written then or later, e.g. 2025-01-31T09:30:00Z."),
]
Until = Annotated[datetime | None, typer.Option(parser=instant, metavar="TIME", help="Messages written before then.")]

Active = Annotated[list[Colour] | None, typer.Argument(help="Who takes work from now on, one or both.")]
InsteadOf = Annotated[
    list[Colour] | None,
    typer.Option(help="Who takes work until now, as you believe; twice for both. If others do, nothing is changed."),
]

Undo = Annotated[
    str | None,
    typer.Option(metavar="REVISION", help="Take this migration of the phase back, and those that came after it."),
]


def add_service_commands(cli: typer.Typer, *, name: str, package: str, settings_type: type[S]) -> None:
    """Add ``serve``, ``migrate``, ``resend`` and ``colours`` for the service ``name`` to ``cli``.

    ``<package>.app.build_app(settings)`` is imported only to serve, so that offline commands start at once.
    """

    @cli.command()
    def serve() -> None:
        """Run the service until SIGTERM; settings come from the environment."""
        _serve(name, package, load_settings(settings_type))

    @cli.command()
    def migrate(phase: Phase = Phase.EXPAND, undo: Undo = None) -> None:
        """Bring the schema up to date; prints each migration that was applied, or taken back.

        expand comes before a roll-out. contract comes by hand when no process of the release before is left, since that
        release cannot work on the schema any more; one that is connected stops it. Exits with 1 where it cannot be
        done, and says why.
        """
        _migrate(name, package, load_settings(settings_type), phase, undo)

    @cli.command()
    def resend(
        ids: Ids = None,
        types: Types = None,
        since: Since = None,
        until: Until = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent and change nothing.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Write JSON instead of text.")] = False,
    ) -> None:
        """Send messages of this service again, e.g. after a queue was lost; a message must meet all filters.

        They keep their ids, so whoever had one before drops it. Messages stay in the outbox for 7 days after they were
        sent (<NAME>_OUTBOX_RETENTION_DAYS); what is older is gone. The running service sends what is marked here. Exits
        with 1 if nothing matches or PostgreSQL does not answer, with 2 if no filter or a wrong one is given.
        """
        _resend(name, settings_type, (ids or [], types or [], since, until), dry_run=dry_run, as_json=as_json)

    _add_colours(cli, name, settings_type)


def _add_colours(cli: typer.Typer, name: str, settings_type: type[S]) -> None:
    @cli.command()
    def colours(
        active: Active = None,
        instead_of: InsteadOf = None,
        as_json: Annotated[bool, typer.Option("--json", help="Write JSON instead of text.")] = False,
    ) -> None:
        """Show which of two releases beside each other takes work, or let these and no others: colours green

        Processes of another colour finish what they have in hand and go idle; they serve all other purposes as before.
        Exits with 1 if PostgreSQL does not answer or the schema is not migrated, with 3 if others than --instead-of
        take work.
        """
        if instead_of and not active:
            raise typer.BadParameter("name the colours that shall take work: colours green --instead-of blue")
        setup_command_logging(name)
        command = importlib.import_module("aiops_common.active_colours").command
        command(name, load_settings(settings_type), active or [], instead_of or [], as_json=as_json)


def _serve(name: str, package: str, settings: ServiceSettings) -> None:
    setup_logging(name, settings.log_level)
    _log.info("process.starting", settings=told(settings))
    # Once it has shut down, uvicorn raises the signal that ended it again, which would end the process here and now:
    # before its last spans are written.
    signal.signal(signal.SIGTERM, _exit)
    # When each series began: a third of what Prometheus reads, and nobody asks.
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library forgot to annotate it
    try:
        flush_spans = setup_telemetry(name)
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(WRONG_USAGE) from None
    build_app: Callable[[ServiceSettings], Starlette] = importlib.import_module(f"{package}.app").build_app
    http, websocket = importlib.import_module("aiops_common.slow_clients").protocols(
        send_seconds=settings.send_seconds,
        receive_seconds=settings.receive_seconds,
        max_connections=min(settings.max_connections, _allow_many_files() // 2),
    )
    try:
        uvicorn.run(
            build_app(_with_release(settings, name, package)),
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http=http,
            ws=websocket,
            # Compression would hold 40 KB for each WebSocket, as long as it is open.
            ws_per_message_deflate=False,
            ws_max_size=settings.websocket_message_bytes,
            # Who is behind a proxy, and which proxy is believed, is for the application to decide.
            proxy_headers=False,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
    finally:
        flush_spans()
        _log.info("process.stopped")


def _with_release(settings: S, name: str, package: str) -> S:
    """``settings`` with which PostgreSQL is told the release: migrations ask who would not survive them."""
    url = with_release(settings.database_url.get_secret_value(), name, package)
    return settings.model_copy(update={"database_url": SecretStr(url)})


def _exit(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _allow_many_files() -> int:
    """How many files, connections among them, the process may have open from now on."""
    # Many systems start a process with 1,024 open files at most, and let it ask for more.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if allowed == resource.RLIM_INFINITY else allowed


def _migrate(name: str, package: str, settings: ServiceSettings, phase: Phase, undo: str | None) -> None:
    # Alembic and SQLAlchemy take a second to import; the other commands do without them.
    migrations = importlib.import_module("aiops_common.postgres.migrate")
    setup_logging(name, settings.log_level, stream=sys.stderr)
    url = settings.database_url.get_secret_value()
    try:
        if undo is None:
            done = migrations.migrate(url, name, package, phase.value)
        else:
            done = migrations.undo(url, name, package, phase.value, undo)
    except importlib.import_module("aiops_common.postgres.revisions").MigrationFailed as error:
        typer.echo(f"{name}: {error}", err=True)
        raise typer.Exit(1) from None
    if done:
        _log.info("schema.migrated" if undo is None else "schema.undone", phase=phase.value, revisions=done)
    for revision in done:
        typer.echo(f"{name}: {'applied' if undo is None else 'took back'} {revision}")
    if not done:
        typer.echo(f"{name}: {phase.value} is up to date" if undo is None else f"{name}: {undo} is not applied")


def _resend(
    name: str,
    settings_type: type[ServiceSettings],
    filters: tuple[list[UUID], list[str], datetime | None, datetime | None],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    setup_command_logging(name)
    _, _, since, until = filters
    if not any(filters):
        typer.echo("say what to send again: --id, --type, --since, --until (all that are given must be met)", err=True)
        raise typer.Exit(WRONG_USAGE)
    if since and until and since >= until:
        typer.echo(f"--since {since.isoformat()} is not before --until {until.isoformat()}", err=True)
        raise typer.Exit(WRONG_USAGE)
    # The driver of PostgreSQL is not worth loading for the other commands, some of which work offline.
    command = importlib.import_module("aiops_common.resend")
    selection = importlib.import_module("aiops_common.messaging.outbox").Selection(*filters)
    command.resend(name, load_settings(settings_type), selection, dry_run=dry_run, as_json=as_json)
