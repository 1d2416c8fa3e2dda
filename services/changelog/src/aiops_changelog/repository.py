"""Every SQL statement of the changelog service. Table names are unqualified: the role's search_path is its schema."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from aiops_changelog.domain import Changelog
from aiops_common.history import History
from aiops_common.messaging.replay import ROWS_AT_ONCE
from aiops_common.postgres import Connection
from aiops_contracts.changelog import ChangelogSnapshot

_CHANGELOG = TypeAdapter(Changelog)


class ChangelogRepository:
    """Changelogs, the truth about them; all but identity and state is one document."""

    table = "changelogs"
    history = History("changelog_changes", "changelog_id", ChangelogSnapshot.model_validate)
    insert = """
        INSERT INTO changelogs (id, version, state, project, document, created_at, updated_at)
        SELECT e.* FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::jsonb[], $6::timestamptz[],
            $7::timestamptz[])
        AS e (id)
    """
    _upsert = f"""
        {insert} ON CONFLICT (id) DO UPDATE SET
        version = excluded.version, state = excluded.state,
        document = excluded.document, updated_at = excluded.updated_at
    """

    def columns(self, entities: Sequence[Changelog]) -> list[list[Any]]:
        """The parameters of ``insert``."""
        return [
            [c.id for c in entities],
            [c.version for c in entities],
            [c.state for c in entities],
            [c.project for c in entities],
            [_CHANGELOG.dump_json(c) for c in entities],
            [c.created_at for c in entities],
            [c.updated_at for c in entities],
        ]

    async def get_for_update(self, connection: Connection, changelog_id: UUID) -> Changelog | None:
        """The changelog, locked until the transaction ends; None where there is none."""
        row = await connection.fetchrow("SELECT document FROM changelogs WHERE id = $1 FOR UPDATE", changelog_id)
        return _changelog(row) if row else None

    async def is_recorded(self, connection: Connection, changelog: Changelog) -> bool:
        """Whether the history tells of this version; it does not of one that was stored before there was a history."""
        found: bool = await connection.fetchval(
            "SELECT EXISTS (SELECT FROM changelog_changes WHERE changelog_id = $1 AND version = $2)",
            changelog.id,
            changelog.version,
        )
        return found

    async def save(self, connection: Connection, entities: Sequence[Changelog]) -> None:
        """Insert, or replace what may change."""
        await connection.execute(self._upsert, *self.columns(entities))

    async def after(self, connection: Connection, after: UUID | None, limit: int) -> AsyncGenerator[Changelog]:
        """Up to ``limit`` changelogs in the order of their ids, from behind ``after``; within a transaction."""
        behind, arguments = ("", [limit]) if after is None else ("WHERE id > $2", [limit, after])
        statement = f"SELECT document FROM changelogs {behind} ORDER BY id LIMIT $1"
        async for row in connection.cursor(statement, *arguments, prefetch=ROWS_AT_ONCE):
            yield _changelog(row)


def _changelog(row: asyncpg.Record) -> Changelog:
    return _CHANGELOG.validate_json(row["document"]).identified()
