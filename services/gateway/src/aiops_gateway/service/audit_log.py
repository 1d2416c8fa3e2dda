"""The audit log as administrators read it, each reading on record itself."""

from aiops_common.postgres import Pool
from aiops_gateway.domain.access import Viewer
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.repository.audit import JOURNAL, Condition, Record
from aiops_gateway.service.audit import record_reading


class AuditLog:
    """Reads the audit log. Both methods raise DatabaseUnavailable where PostgreSQL cannot be reached."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(
        self, viewer: Viewer, request: PageRequest, condition: Condition, address: str | None
    ) -> tuple[list[Record], bool]:
        """One page, newest first, and whether there are older records; the record of this reading is behind them."""
        asked = {
            "actor": condition.principal,
            "of_action": condition.action,
            "of_outcome": condition.outcome,
            "of_subject": condition.subject,
            "since": condition.since,
            "until": condition.until,
        }
        async with self._pool.transaction() as connection:
            rows, has_next = await JOURNAL.page(connection, request, condition.terms())
            await record_reading(connection, viewer, "auditLog", address, len(rows), request, asked)
        return rows, has_next

    async def count(self, condition: Condition) -> int:
        """How many records match, up to 10,000."""
        async with self._pool.connection() as connection:
            return await JOURNAL.count(connection, condition.terms())
