"""What the next model learns from, and what a language model would be tuned with: the corrections of people."""

from collections.abc import AsyncGenerator

from aiops_common.postgres import Pool
from aiops_triage.domain import Correction
from aiops_triage.engine.model import Example
from aiops_triage.repository import CorrectionRepository


async def latest_corrections(pool: Pool) -> AsyncGenerator[Correction]:
    """The last correction of each ticket whose category a person gave: models do not learn from their own answers."""
    async with pool.transaction() as connection:
        async for correction in CorrectionRepository().latest(connection):
            yield correction


async def examples(pool: Pool) -> list[Example]:
    """What people said tickets are about."""
    return [Example.cut(one.title, one.body, str(one.after.category)) async for one in latest_corrections(pool)]
