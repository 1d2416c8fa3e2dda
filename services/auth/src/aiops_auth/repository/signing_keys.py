"""Signing keys, their private halves sealed."""

from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from typing import Any

import orjson

from aiops_auth.domain import StoredSigningKey
from aiops_common.messaging.replay import ROWS_AT_ONCE
from aiops_common.postgres import Connection, encode_json

_COLUMNS = "kid, jwk, sealed_private_key, created_at, signs_from, verifies_until"

# Keys of advisory locks are shared by the whole database: a random upper half keeps them apart from others'.
_SIGNING_KEYS_LOCK = 0x6A4F_11E2_0000_0002


def _signing_key(row: Mapping[str, Any]) -> StoredSigningKey:
    return StoredSigningKey(**{**row, "jwk": orjson.loads(row["jwk"])})


class SigningKeyRepository:
    """Reads and writes signing keys; every method runs in the caller's transaction."""

    async def lock(self, connection: Connection) -> None:
        """Let only one transaction make keys, so that services that start or rotate together make one."""
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _SIGNING_KEYS_LOCK)

    async def believed(self, connection: Connection, now: datetime) -> list[StoredSigningKey]:
        """The keys that sign or verify now, or will: a handful."""
        rows = await connection.fetch(
            f"SELECT {_COLUMNS} FROM signing_keys WHERE verifies_until IS NULL OR verifies_until > $1 ORDER BY kid", now
        )
        return [_signing_key(row) for row in rows]

    async def after(self, connection: Connection, after: str | None, limit: int) -> AsyncGenerator[StoredSigningKey]:
        """Up to ``limit`` keys in the order of their kids, from behind ``after``."""
        behind, arguments = ("", [limit]) if after is None else ("WHERE kid > $2", [limit, after])
        statement = f"SELECT {_COLUMNS} FROM signing_keys {behind} ORDER BY kid LIMIT $1"
        async for row in connection.cursor(statement, *arguments, prefetch=ROWS_AT_ONCE):
            yield _signing_key(row)

    async def add(self, connection: Connection, key: StoredSigningKey) -> None:
        """Insert a key."""
        await connection.execute(
            f"INSERT INTO signing_keys ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)",
            key.kid,
            encode_json(dict(key.jwk)),
            key.sealed_private_key,
            key.created_at,
            key.signs_from,
            key.verifies_until,
        )

    async def save_end(self, connection: Connection, key: StoredSigningKey) -> None:
        """Store until when a key is believed; to be called under ``lock``."""
        await connection.execute(
            "UPDATE signing_keys SET verifies_until = $2 WHERE kid = $1", key.kid, key.verifies_until
        )

    async def delete_ended(self, connection: Connection, before: datetime) -> int:
        """Delete the keys that nobody has believed since ``before``; returns how many."""
        status: str = await connection.execute("DELETE FROM signing_keys WHERE verifies_until < $1", before)
        return int(status.rpartition(" ")[2])
