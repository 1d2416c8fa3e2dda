"""Tickets, the truth about them."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from pydantic import TypeAdapter

from aiops_common.history import History
from aiops_common.messaging.replay import ROWS_AT_ONCE
from aiops_common.postgres import Connection
from aiops_contracts.triage import TicketSnapshot
from aiops_triage.domain import JobFailure, JobState, Ticket, TicketStatus, Triage
from aiops_triage.repository.similar import terms_of

_TRIAGE = TypeAdapter(Triage)
_FAILURE = TypeAdapter(JobFailure)


class TicketRepository:
    """Tickets, the truth about them."""

    table = "tickets"
    history = History("ticket_changes", "ticket_id", TicketSnapshot.model_validate)
    insert = """
        INSERT INTO tickets (id, version, state, status, title, body, reporter_email, source, triage,
            failure, trace_id, created_at, updated_at, terms)
        SELECT e.* FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::text[], $9::jsonb[], $10::jsonb[], $11::text[], $12::timestamptz[], $13::timestamptz[], $14::jsonb[])
        AS e (id)
    """
    _upsert = f"""
        {insert} ON CONFLICT (id) DO UPDATE SET
        version = excluded.version, state = excluded.state, status = excluded.status, title = excluded.title,
        body = excluded.body, reporter_email = excluded.reporter_email, source = excluded.source,
        triage = excluded.triage, failure = excluded.failure, trace_id = excluded.trace_id,
        updated_at = excluded.updated_at
    """

    def columns(self, entities: Sequence[Ticket]) -> list[list[Any]]:
        """The parameters of ``insert``."""
        return [
            [t.id for t in entities],
            [t.version for t in entities],
            [t.state for t in entities],
            [t.status for t in entities],
            [t.title for t in entities],
            [t.body for t in entities],
            [t.reporter_email for t in entities],
            [t.source for t in entities],
            [_TRIAGE.dump_json(t.triage) if t.triage else None for t in entities],
            [_FAILURE.dump_json(t.failure) if t.failure else None for t in entities],
            [t.trace_id for t in entities],
            [t.created_at for t in entities],
            [t.updated_at for t in entities],
            [orjson.dumps(terms_of(t.title, t.body)) for t in entities],
        ]

    async def save(self, connection: Connection, entities: Sequence[Ticket]) -> None:
        """Insert, or replace what may change."""
        await connection.execute(self._upsert, *self.columns(entities))

    async def get_for_update(self, connection: Connection, ticket_id: UUID) -> Ticket | None:
        """The ticket, locked until the transaction ends; None where there is none."""
        row = await connection.fetchrow("SELECT * FROM tickets WHERE id = $1 FOR UPDATE", ticket_id)
        return _ticket(row) if row else None

    async def after(self, connection: Connection, after: UUID | None, limit: int) -> AsyncGenerator[Ticket]:
        """Up to ``limit`` tickets in the order of their ids, from behind ``after``; within a transaction."""
        behind, arguments = ("", [limit]) if after is None else ("WHERE id > $2", [limit, after])
        statement = f"SELECT * FROM tickets {behind} ORDER BY id LIMIT $1"
        async for row in connection.cursor(statement, *arguments, prefetch=ROWS_AT_ONCE):
            yield _ticket(row)


def _ticket(row: asyncpg.Record) -> Ticket:
    return Ticket(
        id=row["id"],
        version=row["version"],
        state=JobState(row["state"]),
        status=TicketStatus(row["status"]),
        title=row["title"],
        body=row["body"],
        reporter_email=row["reporter_email"],
        source=row["source"],
        triage=_TRIAGE.validate_json(row["triage"]) if row["triage"] else None,
        failure=_FAILURE.validate_json(row["failure"]) if row["failure"] else None,
        trace_id=row["trace_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
