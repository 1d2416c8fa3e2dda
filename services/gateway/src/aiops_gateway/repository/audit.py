"""The audit log: one row for each attempt, written before it and completed after it."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from aiops_common.postgres import Connection, encode_json


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody wants to have done. Ids and numbers only: the log outlives the data that it is about."""

    id: UUID
    actor: UUID
    action: str
    details: dict[str, Any] = field(default_factory=dict)


async def add(connection: Connection, attempt: Attempt) -> None:
    """Record the intent, with the database's time."""
    await connection.execute(
        "INSERT INTO audit_log (id, actor, action, details) VALUES ($1, $2, $3, $4::jsonb)",
        attempt.id,
        attempt.actor,
        attempt.action,
        encode_json(attempt.details),
    )


async def complete(connection: Connection, attempt_id: UUID, outcome: dict[str, Any]) -> None:
    """Add what came of the attempt to its details."""
    await connection.execute(
        "UPDATE audit_log SET details = details || $2::jsonb WHERE id = $1", attempt_id, encode_json(outcome)
    )
