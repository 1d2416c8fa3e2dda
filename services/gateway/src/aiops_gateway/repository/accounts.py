"""Accounts and signing keys, as auth published them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson

from aiops_common.postgres import Connection
from aiops_contracts.auth import SigningKey, UserSnapshot
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.repository.read_model import CHANGES_CHANNEL

_USER_COLUMNS = "id, version, email, display_name, role, created_at, updated_at"


async def project_users(connection: Connection, users: Sequence[UserSnapshot]) -> None:
    """Bring accounts up to these snapshots, ignoring older ones, and notify on commit."""
    newest: dict[UUID, UserSnapshot] = {}
    for user in users:
        if user.id not in newest or user.version > newest[user.id].version:
            newest[user.id] = user
    ordered = [newest[identity] for identity in sorted(newest)]
    await connection.execute(
        f"""
        WITH written AS (
            INSERT INTO users ({_USER_COLUMNS})
            SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
                                 $7::timestamptz[])
            ON CONFLICT (id) DO UPDATE SET version = excluded.version, email = excluded.email,
                display_name = excluded.display_name, role = excluded.role, updated_at = excluded.updated_at
                WHERE users.version < excluded.version
            RETURNING id
        )
        SELECT pg_notify('{CHANGES_CHANNEL}', 'user:' || id) FROM written
        """,
        [u.id for u in ordered],
        [u.version for u in ordered],
        [u.email for u in ordered],
        [u.display_name for u in ordered],
        [u.role for u in ordered],
        [u.created_at for u in ordered],
        [u.updated_at for u in ordered],
    )


async def get_user(connection: Connection, user_id: UUID) -> UserSnapshot | None:
    """One account, None where there is none."""
    row = await connection.fetchrow(f"SELECT {_USER_COLUMNS} FROM users WHERE id = $1", user_id)
    return UserSnapshot.model_validate(dict(row)) if row else None


async def user_page(connection: Connection, request: PageRequest) -> tuple[list[UserSnapshot], bool]:
    """One page of accounts, newest first, and whether there are more."""
    arguments: list[Any] = [request.size + 1]
    where = "true"
    if request.after is not None:
        arguments += [request.after.created_at, request.after.id]
        where = "(created_at, id) < ($2, $3)"
    rows = await connection.fetch(
        f"SELECT {_USER_COLUMNS} FROM users WHERE {where} ORDER BY created_at DESC, id DESC LIMIT $1", *arguments
    )
    users = [UserSnapshot.model_validate(dict(row)) for row in rows[: request.size]]
    return users, len(rows) > request.size


async def count_users(connection: Connection) -> int:
    """How many accounts there are."""
    total: int = await connection.fetchval("SELECT count(*) FROM users")
    return total


async def add_signing_keys(connection: Connection, keys: Sequence[SigningKey]) -> None:
    """Keep public keys, and notify on commit."""
    await connection.execute(
        f"""
        WITH written AS (
            INSERT INTO signing_keys (kid, jwk, created_at)
            SELECT * FROM unnest($1::text[], $2::jsonb[], $3::timestamptz[])
            ON CONFLICT (kid) DO NOTHING
            RETURNING kid
        )
        SELECT pg_notify('{CHANGES_CHANNEL}', 'signingKey:' || kid) FROM written
        """,
        [key.kid for key in keys],
        [orjson.dumps(key.jwk) for key in keys],
        [key.created_at for key in keys],
    )


async def signing_keys(connection: Connection) -> dict[str, dict[str, Any]]:
    """All public keys: kid → JWK."""
    rows = await connection.fetch("SELECT kid, jwk FROM signing_keys")
    return {row["kid"]: orjson.loads(row["jwk"]) for row in rows}
