"""``python -m aiops_gateway``: serve, migrate, print the schema, persist operations, rebuild the read model."""

import asyncio
import dataclasses
import importlib
import json
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from aiops_common.cli import WRONG_USAGE, add_service_commands
from aiops_common.logging import setup_command_logging
from aiops_common.settings import load_settings
from aiops_gateway.domain.parts import Part
from aiops_gateway.settings import GatewaySettings

_TELL_EVERY_SECONDS = 5.0
_ANSWER_SECONDS = 10.0

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


@cli.command()
def persist(
    files: Annotated[list[Path], typer.Argument(help="Files of one GraphQL document each.", exists=True)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The JSON file to write.")],
) -> None:
    """Write the file for GATEWAY_PERSISTED_OPERATIONS: each document under the SHA-256 of its text.

    The text is taken as it is, so that clients that send the hash of their document find it. Exits with 2 if a
    document does not fit the schema; nothing is written then.
    """
    persisted = importlib.import_module("aiops_gateway.graphql.persisted")
    schema = importlib.import_module("aiops_gateway.graphql.schema").plain()._schema
    operations = persisted.collect(file.read_text(encoding="utf-8") for file in files)
    try:
        persisted.check(operations, schema)
    except persisted.InvalidOperations as error:
        typer.echo(error, err=True)
        raise typer.Exit(WRONG_USAGE) from None
    output.write_text(json.dumps(operations, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    typer.echo(f"{output}: {len(operations)} operations")


@cli.command()
def rebuild(
    only: Annotated[list[Part] | None, typer.Option(help="A part to rebuild, once or several times; else all.")] = None,
    from_empty: Annotated[bool, typer.Option("--from-empty", help="Empty the tables first.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON lines instead of text.")] = False,
    patience: Annotated[float, typer.Option(min=0.1, help="Seconds without progress before giving up.")] = 60.0,
) -> None:
    """Rebuild the read model from the services that own what it shows, while everything goes on.

    In place by default: what is missing or differs is repaired, and readers never miss a row. --from-empty also takes
    away what no service knows of; rows are then missing until they have been read again. Accepted work that no
    service has finished is kept. It may be run again at any time. Exits with 1 if a service does not answer.
    """
    setup_command_logging("gateway")
    stuck: type[Exception] = importlib.import_module("aiops_gateway.service.rebuild").Stuck
    try:
        asyncio.run(_rebuild(load_settings(GatewaySettings), only or list(Part), from_empty, as_json, patience))
    except stuck as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None


async def _rebuild(
    settings: GatewaySettings, parts: list[Part], from_empty: bool, as_json: bool, patience: float
) -> None:
    # Imported here, like the application: the other commands have no use for the database and the broker.
    module = importlib.import_module("aiops_gateway.service.rebuild")
    pool = module.Pool(settings.database_url.get_secret_value(), max_size=2, name="aiops-gateway-rebuild")
    requester = module.Requester(
        settings.amqp_url.get_secret_value(), name="gateway.rebuild", deadline_seconds=min(_ANSWER_SECONDS, patience)
    )
    told = time.monotonic()
    async with AsyncExitStack() as stack:
        for component in (pool, requester):
            stack.push_async_callback(component.stop)
        rebuilding = module.Rebuild(pool, requester, patience_seconds=patience)
        async for progress in rebuilding.run(parts, from_empty=from_empty):
            if progress.done or time.monotonic() - told > _TELL_EVERY_SECONDS:
                told = time.monotonic()
                print(_line(progress, as_json), flush=True)


def _line(progress: Any, as_json: bool) -> str:
    if as_json:
        return json.dumps(dataclasses.asdict(progress))
    told = (
        f"{progress.part}: {progress.rows_read} rows read, {progress.rows_changed} changed, "
        f"{progress.rows_restored} restored, {progress.seconds:.1f} s"
    )
    if progress.not_readable:
        told += f"; {progress.not_readable} commands of the outbox could not be read"
    return told if progress.done else f"{told} so far"


if __name__ == "__main__":
    cli()
