"""The audit log of auth, which the database lets nobody change."""

from aiops_auth.domain import SecurityEvent
from aiops_common.postgres import Connection, encode_json


class SecurityEventRepository:
    """Runs in the caller's transaction."""

    async def add(self, connection: Connection, event: SecurityEvent) -> bool:
        """Insert; False where there is an event of this id."""
        added = await connection.fetchval(
            "INSERT INTO security_events (id, at, action, outcome, actor, subject, address, trace_id, details) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING RETURNING id",
            event.id,
            event.at,
            event.action,
            event.outcome,
            event.actor,
            event.subject,
            event.address,
            event.trace_id,
            encode_json(dict(event.details)),
        )
        return added is not None
