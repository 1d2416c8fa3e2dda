"""Every SQL statement of the summarizer. Table names are unqualified: the role's search_path is its schema."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from aiops_common.messaging.replay import ROWS_AT_ONCE
from aiops_common.postgres import Connection
from aiops_summarizer.domain import JobFailure, JobState, LogEntry, LogSummary

_SUMMARY = TypeAdapter(LogSummary)
_FAILURE = TypeAdapter(JobFailure)


class LogRepository:
    """Log entries, the truth about them."""

    table = "log_entries"
    insert = """
        INSERT INTO log_entries (id, version, state, source, content, line_count, byte_count, summary,
            failure, trace_id, created_at, updated_at)
        SELECT e.* FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::int[], $7::int[],
            $8::jsonb[], $9::jsonb[], $10::text[], $11::timestamptz[], $12::timestamptz[])
        AS e (id)
    """
    _upsert = f"""
        {insert} ON CONFLICT (id) DO UPDATE SET
        version = excluded.version, state = excluded.state, content = excluded.content,
        line_count = excluded.line_count, byte_count = excluded.byte_count, summary = excluded.summary,
        failure = excluded.failure, trace_id = excluded.trace_id, updated_at = excluded.updated_at
    """

    def columns(self, entities: Sequence[LogEntry]) -> list[list[Any]]:
        """The parameters of ``insert``."""
        return [
            [e.id for e in entities],
            [e.version for e in entities],
            [e.state for e in entities],
            [e.source for e in entities],
            [e.content for e in entities],
            [e.line_count for e in entities],
            [e.byte_count for e in entities],
            [_SUMMARY.dump_json(e.summary) if e.summary else None for e in entities],
            [_FAILURE.dump_json(e.failure) if e.failure else None for e in entities],
            [e.trace_id for e in entities],
            [e.created_at for e in entities],
            [e.updated_at for e in entities],
        ]

    async def versions(self, connection: Connection, ids: Sequence[UUID]) -> dict[UUID, int]:
        """Current version of those entries that exist."""
        rows = await connection.fetch("SELECT id, version FROM log_entries WHERE id = ANY($1::uuid[])", ids)
        return {row["id"]: row["version"] for row in rows}

    async def save(self, connection: Connection, entities: Sequence[LogEntry]) -> None:
        """Insert, or replace what may change."""
        await connection.execute(self._upsert, *self.columns(entities))

    async def after(self, connection: Connection, after: UUID | None, limit: int) -> AsyncGenerator[LogEntry]:
        """Up to ``limit`` entries in the order of their ids, from behind ``after``; within a transaction."""
        behind, arguments = ("", [limit]) if after is None else ("WHERE id > $2", [limit, after])
        statement = f"SELECT * FROM log_entries {behind} ORDER BY id LIMIT $1"
        async for row in connection.cursor(statement, *arguments, prefetch=ROWS_AT_ONCE):
            yield _entry(row)


def _entry(row: asyncpg.Record) -> LogEntry:
    return LogEntry(
        id=row["id"],
        version=row["version"],
        state=JobState(row["state"]),
        source=row["source"],
        content=row["content"],
        line_count=row["line_count"],
        byte_count=row["byte_count"],
        summary=_SUMMARY.validate_json(row["summary"]) if row["summary"] else None,
        failure=_FAILURE.validate_json(row["failure"]) if row["failure"] else None,
        trace_id=row["trace_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
