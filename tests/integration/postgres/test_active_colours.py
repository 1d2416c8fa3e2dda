"""Deciding which of two releases takes work, on a real PostgreSQL."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from typer.testing import CliRunner, Result

from aiops_common.colours import DecidedMeanwhile, activate, active
from aiops_common.postgres import Pool
from aiops_common.settings import Colour
from aiops_triage.__main__ import cli

BLUE, GREEN = Colour.BLUE, Colour.GREEN
Command = Callable[..., Awaitable[Result]]


@pytest.fixture
async def pool(pools: dict[str, Pool]) -> AsyncIterator[Pool]:
    """Triage's schema, where blue takes the work before and afterwards."""
    pool = pools["triage"]
    for step in range(2):
        async with pool.connection() as connection:
            await activate(connection, [BLUE])
        if step == 0:
            yield pool


@pytest.fixture
def command(pool: Pool, service_database_urls: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs ``colours`` with the settings of the service."""
    monkeypatch.setenv("TRIAGE_DATABASE_URL", service_database_urls["triage"])
    monkeypatch.setenv("TRIAGE_AMQP_URL", "amqp://nobody@localhost/")

    async def run(*arguments: str) -> Result:
        # In a thread, where a command may have an event loop of its own.
        return await asyncio.to_thread(CliRunner().invoke, cli, ["colours", *arguments])

    return run


async def test_it_is_shown_and_decided(command: Command) -> None:
    assert (await command()).stdout == "triage: blue\n"
    assert (await command("green", "blue")).stdout == "triage: blue and green (before: blue)\n"
    told = json.loads((await command("green", "--json")).stdout)
    assert told == {"service": "triage", "active": ["green"], "before": ["blue", "green"]}


async def test_whoever_believed_otherwise_changes_nothing(command: Command) -> None:
    both = ("--instead-of", "green", "--instead-of", "blue")
    assert (await command("green", "blue", "--instead-of", "blue")).exit_code == 0
    late = await command("green", "blue", "--instead-of", "blue", "--json")
    assert (late.exit_code, late.stdout) == (3, "")
    assert late.stderr == "triage: blue and green takes the work by now, not blue: nothing was changed\n"
    assert (await command("green", *both)).stdout == "triage: green (before: blue and green)\n"
    assert (await command("blue", *both)).exit_code == 3
    assert (await command()).stdout == "triage: green\n"
    # Who takes back does not ask.
    assert (await command("blue")).exit_code == 0


async def test_of_many_who_decide_at_once_one_does(pool: Pool) -> None:
    async def decide() -> bool:
        async with pool.connection() as connection:
            try:
                await activate(connection, [GREEN], [BLUE])
            except DecidedMeanwhile:
                return False
            return True

    assert sorted(await asyncio.gather(*(decide() for _ in range(5)))) == [False] * 4 + [True]
    async with pool.connection() as connection:
        assert await active(connection) == {GREEN}
