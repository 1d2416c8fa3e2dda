"""Rebuilding the read model while events are projected into it and work is accepted.

A row is never replaced by an older version, so nothing here depends on what comes first.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import orjson

from aiops_common.postgres import Connection
from aiops_contracts.auth import ApiKeySnapshot, SigningKey, UserSnapshot
from aiops_contracts.base import Snapshot
from aiops_gateway.repository import api_keys, read_model
from aiops_gateway.repository.read_model import CHANGES_CHANNEL, ROW, Kind

S = TypeVar("S", bound=Snapshot)
T = TypeVar("T")

_BATCH = 200
"""Rows of one statement: their ids must fit into one notification."""

_USER_COLUMNS = "id, version, email, display_name, role, created_at, updated_at"


class TableBusy(Exception):
    """A table is in use for so long that emptying it would make its readers wait; try again."""


async def empty(connection: Connection, table: str) -> None:
    """Remove all rows, within the caller's transaction, which readers wait for.

    Raises:
        TableBusy: somebody has used the table for two seconds without a pause.
    """
    # Who waits for the table stands before everybody that comes later, so the wait must be short.
    await connection.execute("SET LOCAL lock_timeout = '2s'")
    try:
        if table == "users":  # what is left of removed ones stays: an older event could bring them back
            await connection.execute("DELETE FROM users WHERE removed_at IS NULL")
        else:
            await connection.execute(f"TRUNCATE {table}")
    except asyncpg.LockNotAvailableError as error:
        raise TableBusy(f"the table {table} was in use for two seconds") from error


async def only_here(connection: Connection, kind: Kind[Any]) -> list[list[Any]]:
    """Pending rows that cannot be made again, as ``columns`` for ``add``: nothing else tells of them any more.

    Their commands have left the outbox, which keeps them for a day at least, or may leave it at any moment.
    """
    rows = await connection.fetch(
        f"""
        SELECT {ROW} FROM {kind.table} AS e WHERE version = 0 AND NOT EXISTS (
            SELECT FROM outbox WHERE id = e.id AND (sent_at IS NULL OR sent_at > now() - interval '12 hours')
        )
        """
    )
    return [[row[column] for row in rows] for column in ROW.split(", ")]


async def repair(connection: Connection, kind: Kind[S], snapshots: Sequence[S]) -> int:
    """Make rows equal to their owner's snapshots unless they are newer, and notify on commit; returns how many changed.

    Unlike a projection this also replaces a row of the same version, where it differs.
    """
    changed = 0
    for batch in _batches(sorted(snapshots, key=lambda snapshot: snapshot.id)):
        changed += await connection.fetchval(
            f"""
            WITH written AS (
                INSERT INTO {kind.table} AS known ({ROW}) SELECT e.* FROM {read_model.rows(1)}
                ON CONFLICT (id) DO UPDATE SET version = excluded.version, created_at = excluded.created_at,
                    document = excluded.document, large = excluded.large, traceparent = excluded.traceparent
                    WHERE known.version < excluded.version OR (known.version = excluded.version AND
                        (known.created_at, known.document, known.large)
                        IS DISTINCT FROM (excluded.created_at, excluded.document, excluded.large))
                RETURNING id
            ), told AS (
                {read_model.notify(kind, "written")}
            )
            SELECT count(*), (SELECT count(*) FROM told) FROM written
            """,
            *read_model.columns(kind, batch),
        )
    return changed


async def repair_users(connection: Connection, users: Sequence[UserSnapshot]) -> int:
    """As ``repair``, for accounts."""
    changed = 0
    for batch in _batches(sorted(users, key=lambda user: user.id)):
        columns = [[getattr(user, column) for user in batch] for column in _USER_COLUMNS.split(", ")]
        rows = await connection.fetch(
            f"""
            WITH written AS (
                INSERT INTO users AS known ({_USER_COLUMNS})
                SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
                                     $7::timestamptz[])
                ON CONFLICT (id) DO UPDATE SET version = excluded.version, email = excluded.email,
                    display_name = excluded.display_name, role = excluded.role, created_at = excluded.created_at,
                    updated_at = excluded.updated_at, removed_at = NULL
                    WHERE known.version < excluded.version OR (known.version = excluded.version AND
                        known.* IS DISTINCT FROM excluded.*)
                RETURNING id
            )
            SELECT pg_notify('{CHANGES_CHANNEL}', 'user:' || id) FROM written
            """,
            *columns,
        )
        changed += len(rows)
    return changed


async def repair_api_keys(connection: Connection, keys: Sequence[ApiKeySnapshot]) -> int:
    """As ``repair``, for API keys."""
    condition = (
        "known.version < excluded.version OR (known.version = excluded.version AND known.* IS DISTINCT FROM excluded.*)"
    )
    changed = 0
    for batch in _batches(sorted(keys, key=lambda key: key.id)):
        changed += await api_keys.write(connection, batch, condition)
    return changed


async def repair_signing_keys(connection: Connection, keys: Sequence[SigningKey]) -> int:
    """As ``repair``, for public keys, which have no versions: the earliest end that was told is the newest news."""
    ordered = sorted(keys, key=lambda key: key.kid)
    rows = await connection.fetch(
        f"""
        WITH written AS (
            INSERT INTO signing_keys AS known (kid, jwk, created_at, signs_from, verifies_until)
            SELECT * FROM unnest($1::text[], $2::jsonb[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[])
            ON CONFLICT (kid) DO UPDATE SET jwk = excluded.jwk, created_at = excluded.created_at,
                signs_from = excluded.signs_from,
                verifies_until = LEAST(known.verifies_until, excluded.verifies_until)
                WHERE (known.jwk, known.created_at, known.signs_from, known.verifies_until) IS DISTINCT FROM
                    (excluded.jwk, excluded.created_at, excluded.signs_from,
                     LEAST(known.verifies_until, excluded.verifies_until))
            RETURNING kid
        )
        SELECT pg_notify('{CHANGES_CHANNEL}', 'signingKey:' || kid) FROM written
        """,
        [key.kid for key in ordered],
        [orjson.dumps(key.jwk) for key in ordered],
        [key.created_at for key in ordered],
        [key.signs_from for key in ordered],
        [key.verifies_until for key in ordered],
    )
    return len(rows)


async def add(connection: Connection, kind: Kind[Any], columns: Sequence[Sequence[Any]]) -> int:
    """Add rows, given as ``read_model.columns``, where there are none, and notify on commit; returns how many."""
    added = 0
    for start in range(0, len(columns[0]), _BATCH):
        added += await connection.fetchval(
            f"""
            WITH added AS (
                INSERT INTO {kind.table} ({ROW}) SELECT e.* FROM {read_model.rows(1)} ORDER BY e.id
                ON CONFLICT (id) DO NOTHING RETURNING id
            ), told AS (
                {read_model.notify(kind, "added")}
            )
            SELECT count(*), (SELECT count(*) FROM told) FROM added
            """,
            *[column[start : start + _BATCH] for column in columns],
        )
    return added


async def missing_commands(connection: Connection, kind: Kind[Any], message_type: str) -> list[UUID]:
    """Ids of the commands of this type in the outbox whose entity is not in the read model."""
    rows = await connection.fetch(
        f"""
        SELECT id FROM outbox AS sent
        WHERE routing_key = $1 AND NOT EXISTS (SELECT FROM {kind.table} WHERE id = sent.id)
        """,
        message_type,
    )
    return [row["id"] for row in rows]


async def commands(connection: Connection, ids: Sequence[UUID]) -> list[tuple[bytes, Mapping[str, str]]]:
    """Body and headers of messages of the outbox."""
    rows = await connection.fetch("SELECT body, headers FROM outbox WHERE id = ANY($1::uuid[])", list(ids))
    return [(bytes(row["body"]), orjson.loads(row["headers"])) for row in rows]


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))
