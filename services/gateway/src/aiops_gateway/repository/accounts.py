"""Accounts and signing keys, as auth published them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import orjson

from aiops_common.postgres import Connection
from aiops_contracts.auth import Role, SigningKey, UserRemoved, UserSnapshot
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.domain.public_key import PublicKey
from aiops_gateway.repository import newest_first
from aiops_gateway.repository.read_model import CHANGES_CHANNEL

_USER_COLUMNS = "id, version, email, display_name, role, created_at, updated_at"

_Row: TypeAlias = tuple[Any, ...]
"""An account as the columns of its table, ``removed_at`` last."""


async def project_users(connection: Connection, users: Sequence[UserSnapshot | UserRemoved]) -> None:
    """Bring accounts up to what these tell, ignoring what is older, and notify on commit.

    Of a removed account the id and the version stay, so that nothing older can bring it back.
    """
    if not users:
        return
    newest: dict[UUID, _Row] = {}
    for user in users:
        row = _tombstone(user) if isinstance(user, UserRemoved) else _row(user)
        if row[0] not in newest or row[1] > newest[row[0]][1]:
            newest[row[0]] = row
    # In the order of ids, so that two gateways with overlapping batches cannot deadlock.
    ordered = [newest[identity] for identity in sorted(newest)]
    await connection.execute(
        f"""
        WITH written AS (
            INSERT INTO users ({_USER_COLUMNS}, removed_at)
            SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
                                 $7::timestamptz[], $8::timestamptz[])
            ON CONFLICT (id) DO UPDATE SET version = excluded.version, email = excluded.email,
                display_name = excluded.display_name, role = excluded.role, updated_at = excluded.updated_at,
                removed_at = excluded.removed_at
                WHERE users.version < excluded.version AND users.removed_at IS NULL
            RETURNING id
        )
        SELECT pg_notify('{CHANGES_CHANNEL}', 'user:' || id) FROM written
        """,
        *(list(column) for column in zip(*ordered, strict=True)),
    )


async def get_user(connection: Connection, user_id: UUID) -> UserSnapshot | None:
    """One account, None where there is none any more."""
    row = await connection.fetchrow(f"SELECT {_USER_COLUMNS} FROM users WHERE id = $1 AND removed_at IS NULL", user_id)
    return UserSnapshot.model_validate(dict(row)) if row else None


async def user_page(connection: Connection, request: PageRequest) -> tuple[list[UserSnapshot], bool]:
    """One page of accounts, newest first, and whether there are more."""
    rows, more = await newest_first.page(connection, _USER_COLUMNS, "users", request, where="removed_at IS NULL")
    return [UserSnapshot.model_validate(dict(row)) for row in rows], more


async def count_users(connection: Connection) -> int:
    """How many accounts there are."""
    total: int = await connection.fetchval("SELECT count(*) FROM users WHERE removed_at IS NULL")
    return total


def _row(user: UserSnapshot) -> _Row:
    return (*(getattr(user, column) for column in _USER_COLUMNS.split(", ")), None)


def _tombstone(user: UserRemoved) -> _Row:
    at = user.removed_at
    return (user.user_id, user.version, "", "", Role.VIEWER, at, at, at)


async def add_signing_keys(connection: Connection, keys: Sequence[SigningKey]) -> None:
    """Keep public keys and until when they are believed, and notify on commit.

    That end only ever comes nearer, so the earliest that was told holds, whatever order the keys come in.
    """
    ends: dict[str, list[datetime]] = {}
    newest: dict[str, SigningKey] = {}
    for key in keys:
        ends.setdefault(key.kid, []).extend([key.verifies_until] if key.verifies_until else [])
        newest[key.kid] = key
    ordered = [newest[kid] for kid in sorted(newest)]
    await connection.execute(
        f"""
        WITH written AS (
            INSERT INTO signing_keys AS known (kid, jwk, created_at, signs_from, verifies_until)
            SELECT * FROM unnest($1::text[], $2::jsonb[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[])
            ON CONFLICT (kid) DO UPDATE SET verifies_until = LEAST(known.verifies_until, excluded.verifies_until)
                WHERE known.verifies_until IS DISTINCT FROM LEAST(known.verifies_until, excluded.verifies_until)
            RETURNING kid
        )
        SELECT pg_notify('{CHANGES_CHANNEL}', 'signingKey:' || kid) FROM written
        """,
        [key.kid for key in ordered],
        [orjson.dumps(key.jwk) for key in ordered],
        [key.created_at for key in ordered],
        [key.signs_from for key in ordered],
        [min(ends[key.kid], default=None) for key in ordered],
    )


async def signing_keys(connection: Connection) -> dict[str, PublicKey]:
    """All public keys, by their kids."""
    rows = await connection.fetch("SELECT kid, jwk, verifies_until FROM signing_keys")
    return {row["kid"]: PublicKey(orjson.loads(row["jwk"]), row["verifies_until"]) for row in rows}
