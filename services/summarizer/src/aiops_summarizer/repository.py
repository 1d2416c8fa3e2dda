"""Every SQL statement of the summarizer. Table names are unqualified: the role's search_path is its schema."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from aiops_common.history import History
from aiops_common.messaging.replay import ROWS_AT_ONCE
from aiops_common.postgres import Connection
from aiops_common.retention import delete_older
from aiops_contracts.summarizer import LogSnapshot
from aiops_summarizer.domain import JobFailure, JobState, LogEntry, LogSummary

_SUMMARY = TypeAdapter(LogSummary)
_FAILURE = TypeAdapter(JobFailure)


class LogRepository:
    """Log entries, the truth about them."""

    table = "log_entries"
    history = History("log_changes", "log_id", LogSnapshot.model_validate)
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

    async def get_for_update(self, connection: Connection, log_id: UUID) -> LogEntry | None:
        """The entry, locked until the transaction ends; None where there is none."""
        row = await connection.fetchrow("SELECT * FROM log_entries WHERE id = $1 FOR UPDATE", log_id)
        return _entry(row) if row else None

    async def save(self, connection: Connection, entities: Sequence[LogEntry]) -> None:
        """Insert, or replace what may change."""
        await connection.execute(self._upsert, *self.columns(entities))

    async def after(self, connection: Connection, after: UUID | None, limit: int) -> AsyncGenerator[LogEntry]:
        """Up to ``limit`` entries in the order of their ids, from behind ``after``; within a transaction."""
        behind, arguments = ("", [limit]) if after is None else ("WHERE id > $2", [limit, after])
        statement = f"SELECT * FROM log_entries {behind} ORDER BY id LIMIT $1"
        async for row in connection.cursor(statement, *arguments, prefetch=ROWS_AT_ONCE):
            yield _entry(row)


class RawContentRepository:
    """Logs as they came in, sealed."""

    async def add(self, connection: Connection, log_id: UUID, key_id: str, sealed: bytes) -> None:
        """Keep it unless the log is known: then it was kept with it, or is not to be kept any longer."""
        await connection.execute(
            """
            INSERT INTO raw_contents (log_id, key_id, sealed)
            SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT FROM log_entries WHERE id = $1)
            ON CONFLICT (log_id) DO NOTHING
            """,
            log_id,
            key_id,
            sealed,
        )

    async def get(self, connection: Connection, log_id: UUID) -> bytes | None:
        """The sealed log; None where it is not kept."""
        sealed: bytes | None = await connection.fetchval("SELECT sealed FROM raw_contents WHERE log_id = $1", log_id)
        return sealed

    async def delete_old(self, connection: Connection, *, older_than_days: int) -> int:
        """Delete up to 100 of them, oldest first; returns how many."""
        return await delete_older(
            connection, "raw_contents", days=older_than_days, limit=100, key="log_id", at="created_at"
        )

    async def key_ids(self, connection: Connection) -> dict[str, int]:
        """How many are sealed under each key."""
        rows = await connection.fetch("SELECT key_id, count(*) AS rows FROM raw_contents GROUP BY key_id")
        return {row["key_id"]: row["rows"] for row in rows}

    async def sealed_under(
        self, connection: Connection, key_id: str, after: UUID | None, limit: int
    ) -> list[tuple[UUID, bytes]]:
        """Up to ``limit`` of a key, by id from behind ``after``, locked until the transaction ends."""
        rows = await connection.fetch(
            """
            SELECT log_id, sealed FROM raw_contents WHERE key_id = $1 AND ($2::uuid IS NULL OR log_id > $2)
            ORDER BY log_id LIMIT $3 FOR UPDATE
            """,
            key_id,
            after,
            limit,
        )
        return [(row["log_id"], row["sealed"]) for row in rows]

    async def replace(self, connection: Connection, key_id: str, sealed: Sequence[tuple[UUID, bytes]]) -> None:
        """Replace what is kept of these logs by the same under another key."""
        await connection.execute(
            """
            UPDATE raw_contents AS kept SET key_id = $1, sealed = new.sealed
            FROM unnest($2::uuid[], $3::bytea[]) AS new (log_id, sealed) WHERE kept.log_id = new.log_id
            """,
            key_id,
            [log_id for log_id, _ in sealed],
            [text for _, text in sealed],
        )


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
