"""What language models were asked, as administrators read it, each reading on record."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from aiops_common.messaging.message import new_message_id
from aiops_common.postgres import Connection, Pool
from aiops_common.telemetry import current_trace_id
from aiops_gateway.domain.access import Viewer
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.repository import audit, llm_runs
from aiops_gateway.repository.audit import Attempt
from aiops_gateway.repository.llm_runs import Condition, Listed, Texts
from aiops_gateway.service.audit_log import READ

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
        async with self._pool.transaction() as connection:
            rows, has_next = await llm_runs.page(connection, request, condition)
            await _record(connection, viewer, address, {"rows": len(rows), **_asked(request, condition)})
        return rows, has_next

    async def get(self, viewer: Viewer, identity: UUID, address: str | None) -> Listed | None:
        """One run, None where there is none."""
        async with self._pool.transaction() as connection:
            found = await llm_runs.get(connection, identity)
            if found is not None:
                await _record(connection, viewer, address, {"rows": 1}, identity)
        return found

    async def texts(self, ids: Sequence[UUID]) -> dict[UUID, Texts]:
        """The texts of runs that were listed; those that are gone are left out."""
        async with self._pool.connection() as connection:
            return await llm_runs.texts(connection, ids)

    async def count(self, condition: Condition) -> int:
        """How many runs match, up to 10,000."""
        async with self._pool.connection() as connection:
            return await llm_runs.count(connection, condition)


async def _record(
    connection: Connection, viewer: Viewer, address: str | None, details: dict[str, Any], run: UUID | None = None
) -> None:
    reading = Attempt(
        id=new_message_id(),
        principal=viewer.principal,
        action="llmRuns",
        subject=run,
        address=address,
        trace_id=current_trace_id(),
        details=details,
    )
    await audit.add(connection, reading, READ)


def _asked(request: PageRequest, condition: Condition) -> dict[str, Any]:
    after, before = (one.isoformat() if one else None for one in (condition.created_after, condition.created_before))
    asked = {
        "first": request.size,
        "after": request.after.cursor() if request.after else None,
        "filtered_by": [name for name in _FREE_TEXT if getattr(condition, name) is not None] or None,
        "of_subject": str(condition.subject) if condition.subject else None,
        "created_after": after,
        "created_before": before,
    }
    return {name: value for name, value in asked.items() if value is not None}
