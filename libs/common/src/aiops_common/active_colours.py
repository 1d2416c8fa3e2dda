"""What ``python -m aiops_NAME colours`` does: shows, or decides, which colours take work."""

import asyncio
import json
from collections.abc import Collection

import typer

from aiops_common.colours import DecidedMeanwhile, activate, active, named
from aiops_common.postgres import DATABASE_FAILURES, Pool
from aiops_common.settings import Colour, ServiceSettings

FAILED = 1
DECIDED_MEANWHILE = 3
"""Not 2, which is wrong usage."""


def command(
    name: str,
    settings: ServiceSettings,
    wanted: Collection[Colour],
    instead_of: Collection[Colour] = (),
    *,
    as_json: bool,
) -> None:
    """Let the colours ``wanted`` of the service ``name`` take work, where there are any, and print who does.

    Raises:
        typer.Exit: after saying why on standard error; status 1: PostgreSQL is away or refuses; status 3: others than
            ``instead_of``, where it names any, took it until now.
    """
    try:
        before, after = asyncio.run(_decide(settings.database_url.get_secret_value(), name, wanted, instead_of))
    except DecidedMeanwhile as error:
        typer.echo(f"{name}: {error}", err=True)
        raise typer.Exit(DECIDED_MEANWHILE) from None
    except DATABASE_FAILURES as error:
        typer.echo(f"{name}: {error}", err=True)
        raise typer.Exit(FAILED) from None
    if as_json:
        typer.echo(json.dumps({"service": name, "active": sorted(after), "before": sorted(before)}))
        return
    typer.echo(f"{name}: {named(after)}" + ("" if before == after else f" (before: {named(before)})"))


async def _decide(
    url: str, name: str, wanted: Collection[Colour], instead_of: Collection[Colour]
) -> tuple[frozenset[Colour], frozenset[Colour]]:
    pool = Pool(url, max_size=1, name=f"aiops-{name}-colours")
    try:
        async with pool.connection() as connection:
            before = await activate(connection, wanted, instead_of) if wanted else await active(connection)
            return before, await active(connection)
    finally:
        await pool.stop()
