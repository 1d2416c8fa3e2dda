"""A process of the wrong schema version is not ready, says why, and takes nothing that it could only spoil."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from aiops_common.postgres.revisions import needs
from support.eventually import eventually
from support.graphql import GraphqlClient, Json
from support.handing_in import database, hand_in
from support.ledger import Ledger
from support.stack import RunningStack
from support.workers import TRIAGE, start, stop, worker

NEEDED = needs("aiops_triage").expand
GONE = f"UPDATE triage.migration_versions SET undone_at = now() WHERE revision = '{NEEDED}'"
BACK = f"UPDATE triage.migration_versions SET undone_at = NULL WHERE revision = '{NEEDED}'"
CONTRACTED = """
INSERT INTO triage.migration_versions (revision, phase, description, applied_by, duration_ms)
VALUES ('triage_contract_0009', 'contract', 'What a later release did.', 'aiops-triage 9.0.0', 1)
"""
NOT_CONTRACTED = "DELETE FROM triage.migration_versions WHERE revision = 'triage_contract_0009'"


@asynccontextmanager
async def schema(stack: RunningStack, changed: str, put_right: str) -> AsyncIterator[None]:
    """What ``migration_versions`` says, changed for a while."""
    await _execute(stack, changed)
    try:
        yield
    finally:
        await _execute(stack, put_right)


async def _execute(stack: RunningStack, statement: str) -> None:
    async with database(stack) as connection:
        await connection.execute(statement)


async def what_it_misses(stack: RunningStack) -> str:
    """What triage says of its schema, once it says that something is wrong."""

    async def look() -> Json | None:
        stack.stack.processes.check(TRIAGE)
        try:
            status, body = await stack.ready(TRIAGE)
        except httpx.HTTPError:
            return None
        return body if status == httpx.codes.SERVICE_UNAVAILABLE and body["checks"]["schema"] != "ok" else None

    body = await eventually(look, seconds=60.0)
    assert body["ready"] is False
    return str(body["checks"]["schema"])


async def start_unready(stack: RunningStack) -> str:
    """Another process of triage in its place; what it misses."""
    await stop(stack)
    await asyncio.to_thread(stack.stack.processes.start, worker(stack, model=False))
    return await what_it_misses(stack)


async def test_a_process_waits_for_the_migration_that_it_needs(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    async with schema(stack, GONE, BACK):
        told = await start_unready(stack)
        before = f"triage_{int(NEEDED.removeprefix('triage_')) - 1:04}"
        assert told == f"the schema is at {before}, this release needs {NEEDED}: run python -m aiops_triage migrate"
        accepted = await hand_in(admin, "Before its schema", 5)

        async def waiting() -> bool:
            return await stack.lengths("triage.work", "triage.retry.5s") == {"triage.work": 5, "triage.retry.5s": 0}

        await eventually(waiting)
        assert await what_it_misses(stack) == told
        assert await waiting()
    await eventually(lambda: _is_ready(stack))
    assert (await ledger.balance(accepted)).check().counts == {"completed": 5}


async def test_a_process_of_before_a_contraction_says_so(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    await start(stack, worker(stack, model=False))
    async with schema(stack, CONTRACTED, NOT_CONTRACTED):
        while_running = await what_it_misses(stack)
        assert while_running.startswith(
            f"the schema is at {NEEDED} and was contracted by triage_contract_0009 (aiops-triage 9.0.0, "
        )
        assert f"after which this release, made for {NEEDED}, cannot work" in while_running
        assert await start_unready(stack) == while_running
        accepted = await hand_in(admin, "After a contraction", 5)

        async def waiting() -> bool:
            return await stack.lengths("triage.work") == {"triage.work": 5}

        await eventually(waiting)
    await eventually(lambda: _is_ready(stack))
    assert (await ledger.balance(accepted)).check().counts == {"completed": 5}


async def _is_ready(stack: RunningStack) -> bool:
    return (await stack.ready(TRIAGE))[0] == httpx.codes.OK
