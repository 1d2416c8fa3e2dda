"""API keys, as auth published them. Their secrets are nowhere; a key is found by the SHA-256 of its secret."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from aiops_common.postgres import Connection
from aiops_contracts.auth import ApiKeySnapshot
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.repository import newest_first
from aiops_gateway.repository.read_model import CHANGES_CHANNEL

_COLUMNS = "id, version, name, role, digest, created_by, created_at, updated_at, expires_at, revoked_at"
_TYPES = ("uuid", "int", "text", "text", "bytea", "uuid", "timestamptz", "timestamptz", "timestamptz", "timestamptz")
_ROWS = ", ".join(f"${number}::{name}[]" for number, name in enumerate(_TYPES, start=1))

_ALONE = "pg_advisory_xact_lock(hashtext('aiops.api_keys'))"
"""One writer at a time. ON CONFLICT answers for the primary key only: of two who add the same new key at once, the
second may meet the first one's digest before its id, and that is an error."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a key that is not revoked allows; ``expires_at`` None means without an end."""

    id: UUID
    role: str
    expires_at: datetime | None


async def project(connection: Connection, keys: Sequence[ApiKeySnapshot]) -> None:
    """Bring keys up to these snapshots, ignoring older ones, and notify on commit."""
    newest: dict[UUID, ApiKeySnapshot] = {}
    for key in keys:
        if key.id not in newest or key.version > newest[key.id].version:
            newest[key.id] = key
    await write(connection, [newest[identity] for identity in sorted(newest)], "known.version < excluded.version")


async def write(connection: Connection, keys: Sequence[ApiKeySnapshot], condition: str) -> int:
    """Add keys, each id once and in order, or replace those for which ``condition`` holds; returns how many."""
    rows = await connection.fetch(
        f"""
        WITH written AS (
            INSERT INTO api_keys AS known ({_COLUMNS}) SELECT told.* FROM unnest({_ROWS}) AS told, {_ALONE}
            ON CONFLICT (id) DO UPDATE SET version = excluded.version, name = excluded.name, role = excluded.role,
                digest = excluded.digest, created_by = excluded.created_by, created_at = excluded.created_at,
                updated_at = excluded.updated_at, expires_at = excluded.expires_at, revoked_at = excluded.revoked_at
                WHERE {condition}
            RETURNING id
        )
        SELECT pg_notify('{CHANGES_CHANNEL}', 'apiKey:' || id) FROM written
        """,
        *([_value(key, column) for key in keys] for column in _COLUMNS.split(", ")),
    )
    return len(rows)


async def access(connection: Connection, digest: bytes) -> Access | None:
    """What the key whose secret has this SHA-256 allows; None where there is none, or it is revoked.

    The index compares digests, not secrets: what its timing tells is of no use to find one.
    """
    row = await connection.fetchrow(
        "SELECT id, role, expires_at FROM api_keys WHERE digest = $1 AND revoked_at IS NULL", digest
    )
    return Access(**row) if row else None


async def get(connection: Connection, identity: UUID) -> ApiKeySnapshot | None:
    """One key, None where there is none."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM api_keys WHERE id = $1", identity)
    return _snapshot(row) if row else None


async def page(connection: Connection, request: PageRequest) -> tuple[list[ApiKeySnapshot], bool]:
    """One page of keys, newest first, and whether there are more."""
    rows, more = await newest_first.page(connection, _COLUMNS, "api_keys", request)
    return [_snapshot(row) for row in rows], more


async def count(connection: Connection) -> int:
    """How many keys there are."""
    total: int = await connection.fetchval("SELECT count(*) FROM api_keys")
    return total


def _value(key: ApiKeySnapshot, column: str) -> Any:
    return bytes.fromhex(key.digest) if column == "digest" else getattr(key, column)


def _snapshot(row: Any) -> ApiKeySnapshot:
    return ApiKeySnapshot.model_validate({**row, "digest": bytes(row["digest"]).hex()})
