"""The keys to which credentials are encrypted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from aiops_auth.domain import StoredCredentialKey
from aiops_common.postgres import Connection, encode_json

_COLUMNS = "kid, jwk, sealed_private_key, created_at, opens_until"

# Keys of advisory locks are shared by the whole database: a random upper half keeps them apart from others'.
_LOCK = 0x6A4F_11E2_0000_0003


def _key(row: Mapping[str, Any]) -> StoredCredentialKey:
    return StoredCredentialKey(**{**row, "jwk": orjson.loads(row["jwk"])})


class CredentialKeyRepository:
    """Every method runs in the caller's transaction."""

    async def lock(self, connection: Connection) -> None:
        """Let only one transaction make keys, so that services that start together make one."""
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)

    async def current(self, connection: Connection) -> StoredCredentialKey | None:
        """The key to encrypt to."""
        row = await connection.fetchrow(
            f"SELECT {_COLUMNS} FROM credential_keys WHERE opens_until IS NULL ORDER BY created_at DESC, kid LIMIT 1"
        )
        return _key(row) if row else None

    async def get(self, connection: Connection, kid: str) -> StoredCredentialKey | None:
        row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM credential_keys WHERE kid = $1", kid)
        return _key(row) if row else None

    async def replace(self, connection: Connection, key: StoredCredentialKey, *, old_open_until: datetime) -> None:
        """Make ``key`` the current one; those before it open until ``old_open_until``, or less long."""
        await connection.execute("UPDATE credential_keys SET opens_until = LEAST(opens_until, $1)", old_open_until)
        await connection.execute(
            "INSERT INTO credential_keys (kid, jwk, sealed_private_key, created_at) VALUES ($1, $2, $3, $4)",
            key.kid,
            encode_json(dict(key.jwk)),
            key.sealed_private_key,
            key.created_at,
        )

    async def delete_closed(self, connection: Connection, now: datetime) -> None:
        """Delete the keys that open nothing any more, so that nobody can ever open what was encrypted to them."""
        await connection.execute("DELETE FROM credential_keys WHERE opens_until <= $1", now)
