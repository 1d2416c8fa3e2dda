"""What ``python -m aiops_NAME colours`` does: shows, or decides, which colours take work."""

import asyncio
import json
from collections.abc import Collection

import typer

from aiops_common.colours import activate, active, named
from aiops_common.postgres import DATABASE_FAILURES, Pool
from aiops_common.settings import Colour, ServiceSettings

FAILED = 1


def command(name: str, settings: ServiceSettings, wanted: Collection[Colour], *, as_json: bool) -> None:
    """Let the colours ``wanted`` of the service ``name`` take work, where there are any, and print who does.

    Raises:
        typer.Exit: status 1, after saying why on standard error: PostgreSQL is away or refuses.
    """
    try:
        before, after = asyncio.run(_decide(settings.database_url.get_secret_value(), name, wanted))
    except DATABASE_FAILURES as error:
        typer.echo(f"{name}: {error}", err=True)
        raise typer.Exit(FAILED) from None
    if as_json:
        typer.echo(json.dumps({"service": name, "active": sorted(after), "before": sorted(before)}))
        return
    typer.echo(f"{name}: {named(after)}" + ("" if before == after else f" (before: {named(before)})"))


async def _decide(url: str, name: str, wanted: Collection[Colour]) -> tuple[frozenset[Colour], frozenset[Colour]]:
    pool = Pool(url, max_size=1, name=f"aiops-{name}-colours")
    try:
        async with pool.connection() as connection:
            before = await activate(connection, wanted) if wanted else await active(connection)
            return before, await active(connection)
    finally:
        await pool.stop()
