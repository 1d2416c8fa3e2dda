"""API keys, by the digest of their secrets."""

from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from aiops_auth.domain import ApiKey, IssuedApiKey, Role
from aiops_common.messaging.replay import ROWS_AT_ONCE
from aiops_common.postgres import Connection

_COLUMNS = "id, version, name, role, digest, created_by, created_at, updated_at, expires_at, revoked_at"

# Keys of advisory locks are shared by the whole database: a random upper half keeps them apart from others'.
_LOCK = 0x6A4F_11E2_0000_0004

_WIPED_AT_ONCE = 1000


def _api_key(row: Mapping[str, Any]) -> ApiKey:
    columns = {name: row[name] for name in _COLUMNS.split(", ")}
    return ApiKey(**{**columns, "role": Role(row["role"])})


class ApiKeyRepository:
    """Reads and writes API keys; every method runs in the caller's transaction."""

    async def lock(self, connection: Connection) -> None:
        """Let only one transaction make keys, so that requests of one id make one and none exceeds the limit."""
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)

    async def issued(self, connection: Connection, request_id: UUID) -> IssuedApiKey | None:
        """The key that this request made."""
        row = await connection.fetchrow(
            f"SELECT {_COLUMNS}, request_id, sealed_secret FROM api_keys WHERE request_id = $1", request_id
        )
        return IssuedApiKey(_api_key(row), row["request_id"], row["sealed_secret"]) if row else None

    async def count_live(self, connection: Connection, now: datetime) -> int:
        """How many keys are neither revoked nor expired."""
        count: int = await connection.fetchval(
            "SELECT count(*) FROM api_keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)", now
        )
        return count

    async def add(self, connection: Connection, issued: IssuedApiKey) -> None:
        """Insert a key."""
        key = issued.key
        await connection.execute(
            f"INSERT INTO api_keys ({_COLUMNS}, request_id, sealed_secret) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            key.id,
            key.version,
            key.name,
            key.role.value,
            key.digest,
            key.created_by,
            key.created_at,
            key.updated_at,
            key.expires_at,
            key.revoked_at,
            issued.request_id,
            issued.sealed_secret,
        )

    async def lock_key(self, connection: Connection, key_id: UUID) -> ApiKey | None:
        """A key, locked until the transaction ends."""
        row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM api_keys WHERE id = $1 FOR UPDATE", key_id)
        return _api_key(row) if row else None

    async def save_revocation(self, connection: Connection, key: ApiKey) -> None:
        """Store version and end; nobody has any use for the secret now."""
        await connection.execute(
            "UPDATE api_keys SET version = $2, updated_at = $3, revoked_at = $4, sealed_secret = NULL WHERE id = $1",
            key.id,
            key.version,
            key.updated_at,
            key.revoked_at,
        )

    async def after(self, connection: Connection, after: UUID | None, limit: int) -> AsyncGenerator[ApiKey]:
        """Up to ``limit`` keys in the order of their ids, from behind ``after``."""
        behind, arguments = ("", [limit]) if after is None else ("WHERE id > $2", [limit, after])
        statement = f"SELECT {_COLUMNS} FROM api_keys {behind} ORDER BY id LIMIT $1"
        async for row in connection.cursor(statement, *arguments, prefetch=ROWS_AT_ONCE):
            yield _api_key(row)

    async def wipe_secrets(self, connection: Connection, created_before: datetime) -> None:
        """Forget the secrets of keys that were made before then, some at a time."""
        await connection.execute(
            "UPDATE api_keys SET sealed_secret = NULL WHERE id IN (SELECT id FROM api_keys "
            "WHERE sealed_secret IS NOT NULL AND created_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
            created_before,
            _WIPED_AT_ONCE,
        )
