"""The audit log as administrators read it, each reading on record itself."""

from typing import Any, Final

from aiops_common.messaging.message import new_message_id
from aiops_common.postgres import Pool
from aiops_common.telemetry import current_trace_id
from aiops_gateway.domain.access import Viewer
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.repository import audit
from aiops_gateway.repository.audit import Attempt, Condition, Record

READ: Final = "READ"


class AuditLog:
    """Reads the audit log. Both methods raise DatabaseUnavailable where PostgreSQL cannot be reached."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(
        self, viewer: Viewer, request: PageRequest, condition: Condition, address: str | None
    ) -> tuple[list[Record], bool]:
        """One page, newest first, and whether there are older records.

        That ``viewer`` read it is recorded in the same transaction, behind what it shows: nobody reads unrecorded.
        """
        async with self._pool.transaction() as connection:
            rows, has_next = await audit.page(connection, request, condition)
            reading = Attempt(
                id=new_message_id(),
                principal=viewer.principal,
                action="auditLog",
                address=address,
                trace_id=current_trace_id(),
                details={"rows": len(rows), **_asked(request, condition)},
            )
            await audit.add(connection, reading, READ)
        return rows, has_next

    async def count(self, condition: Condition) -> int:
        """How many records match, up to 10,000."""
        async with self._pool.connection() as connection:
            return await audit.count(connection, condition)


def _asked(request: PageRequest, condition: Condition) -> dict[str, Any]:
    since, until = (value.isoformat() if value else None for value in (condition.since, condition.until))
    asked = {
        "first": request.size,
        "after": request.after.cursor() if request.after else None,
        "actor": condition.principal,
        "of_action": condition.action,
        "of_outcome": condition.outcome,
        "of_subject": str(condition.subject) if condition.subject else None,
        "since": since,
        "until": until,
    }
    return {name: value for name, value in asked.items() if value is not None}
