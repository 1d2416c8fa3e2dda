"""What language models were asked, as administrators read it, each reading on record."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from aiops_common.postgres import Pool
from aiops_gateway.domain.access import Viewer
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.repository import llm_runs
from aiops_gateway.repository.llm_runs import JOURNAL, Condition, Listed, Texts
from aiops_gateway.service.audit import record_reading

_ACTION: Final = "llmRuns"

_FREE_TEXT: Final = ("operation", "template", "model", "outcome")
"""Conditions that a client words: that they were given is recorded, not what they said."""


class LlmRuns:
    """Reads the runs: redacted, and yet what customers wrote. That ``viewer`` read them is recorded in the transaction
    that reads, so nobody reads unrecorded. All methods raise DatabaseUnavailable where PostgreSQL cannot be reached."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(
        self, viewer: Viewer, request: PageRequest, condition: Condition, address: str | None
    ) -> tuple[list[Listed], bool]:
        """One page, newest first, and whether there are older runs."""
        asked = {
            "filtered_by": [name for name in _FREE_TEXT if getattr(condition, name) is not None] or None,
            "of_subject": condition.subject,
            "created_after": condition.created_after,
            "created_before": condition.created_before,
        }
        async with self._pool.transaction() as connection:
            rows, has_next = await JOURNAL.page(connection, request, condition.terms())
            await record_reading(connection, viewer, _ACTION, address, len(rows), request, asked)
        return rows, has_next

    async def get(self, viewer: Viewer, identity: UUID, address: str | None) -> Listed | None:
        """One run, None where there is none."""
        async with self._pool.transaction() as connection:
            found = await llm_runs.get(connection, identity)
            if found is not None:
                await record_reading(connection, viewer, _ACTION, address, rows=1, subject=identity)
        return found

    async def texts(self, ids: Sequence[UUID]) -> dict[UUID, Texts]:
        """The texts of runs that were listed; those that are gone are left out."""
        async with self._pool.connection() as connection:
            return await llm_runs.texts(connection, ids)

    async def count(self, condition: Condition) -> int:
        """How many runs match, up to 10,000."""
        async with self._pool.connection() as connection:
            return await JOURNAL.count(connection, condition.terms())
