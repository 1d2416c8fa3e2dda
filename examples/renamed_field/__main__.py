"""``python -m examples.renamed_field COMMAND``: the commands of docs/migrations.md."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from aiops_common.cli import Phase, Undo
from aiops_common.postgres import DatabaseUnavailable, Pool
from aiops_common.postgres import migrate as migrations
from aiops_common.postgres.revisions import MigrationFailed, needs
from aiops_common.postgres.schema_version import misfit
from examples.renamed_field import backfill as backfilling
from examples.renamed_field.release_1.repository import LineRepository

URL_VARIABLE = "LINES_DATABASE_URL"
SCHEMA = "lines"

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
Release = Annotated[int, typer.Argument(min=1, max=3, help="The release whose code this is about.")]


@app.callback()
def renamed_field() -> None:
    """Rename a field while two releases work on it; LINES_DATABASE_URL is where."""


@app.command()
def migrate(release: Release, phase: Phase = Phase.EXPAND, undo: Undo = None) -> None:
    """What `python -m aiops_<service> migrate` of that release would do."""
    chosen: Literal["expand", "contract"] = "contract" if phase is Phase.CONTRACT else "expand"
    try:
        if undo is None:
            done = migrations.migrate(_url(), SCHEMA, _package(release), chosen)
        else:
            done = migrations.undo(_url(), SCHEMA, _package(release), chosen, undo)
    except MigrationFailed as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{'applied' if undo is None else 'took back'}: {', '.join(done) or 'nothing'}")


@app.command()
def fits(release: Release) -> None:
    """What `/readyz` of that release would say of the schema; exits with 1 where it does not fit."""

    async def ask(pool: Pool) -> str | None:
        async with pool.connection() as connection:
            return await misfit(connection, needs(_package(release)))

    if problem := _with_pool(ask):
        typer.echo(problem, err=True)
        raise typer.Exit(1)
    typer.echo("ok")


@app.command()
def add(files: list[Path]) -> None:
    """Write each line of FILES with the first release, so that there is something to rename."""

    async def write(pool: Pool) -> int:
        total = 0
        async with pool.transaction() as connection:
            for file in files:
                for line in file.read_text(encoding="utf-8").splitlines():
                    await LineRepository().add(connection, total, file.stem, line)
                    total += 1
        return total

    typer.echo(f"{_with_pool(write)} lines")


@app.command()
def backfill(
    target: backfilling.Field = backfilling.Field.NEW,
    after: int = -1,
    rows: Annotated[int, typer.Option(min=1, max=100_000, help="In a transaction.")] = 1_000,
    share: Annotated[float, typer.Option(min=0.01, max=1, help="Of the time, to work for.")] = 0.25,
) -> None:
    """Fill the field TARGET from the other one; --after N goes on where it ended."""

    async def fill(pool: Pool) -> int:
        changed = 0
        async for progress in backfilling.backfill(pool, target, after=after, rows=rows, share=share):
            changed += progress.changed
            typer.echo(f"up to {progress.after}: {changed} changed", err=True)
        return changed

    typer.echo(f"{_with_pool(fill)} rows changed")


@app.command()
def compare() -> None:
    """Count the rows that are not the same in both fields; exits with 1 where there are any."""
    found = _with_pool(backfilling.differing)
    typer.echo(f"{found} rows differ")
    raise typer.Exit(1 if found else 0)


def _package(release: int) -> str:
    return f"examples.renamed_field.release_{release}"


def _url() -> str:
    if not (url := os.environ.get(URL_VARIABLE)):
        typer.echo(f"set {URL_VARIABLE} to postgresql://{SCHEMA}:password@host:port/database", err=True)
        raise typer.Exit(2)
    return url


def _with_pool(work: Callable[[Pool], Awaitable[T]]) -> T:
    async def run() -> T:
        pool = Pool(_url(), name="renamed-field")
        try:
            return await work(pool)
        finally:
            await pool.stop()

    try:
        return asyncio.run(run())
    except DatabaseUnavailable as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    app()
