"""Accepting work, and the idempotency keys that tell whether it was accepted before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from aiops_common.messaging import outbox
from aiops_common.messaging.message import Outgoing
from aiops_common.postgres import Connection
from aiops_contracts.base import Snapshot
from aiops_gateway.repository import read_model
from aiops_gateway.repository.read_model import Kind

S = TypeVar("S", bound=Snapshot)

_DELETED_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key, as the message id derived from it, and a digest of what was asked."""

    message_id: UUID
    digest: bytes


async def accept(
    connection: Connection,
    kind: Kind[S],
    works: Sequence[tuple[S, bytes | None, Outgoing]],
    *,
    lease_seconds: float,
) -> set[UUID]:
    """Accept (pending entity, digest of its idempotency key or None, command) triples with distinct ids.

    In one statement, which is one round trip and one transaction: record the keys, and for those that are new, and
    for work without a key, add the read-model row and the command, and tell subscribers. Returns the ids accepted.
    """
    ordered = sorted(works, key=lambda work: work[0].id)
    rows = await connection.fetch(
        f"""
        WITH asked AS (
            SELECT * FROM unnest($1::uuid[], $2::bytea[]) AS k (id, digest)
        ), keyed AS (
            INSERT INTO idempotency_keys (message_id, digest) SELECT id, digest FROM asked WHERE digest IS NOT NULL
            ON CONFLICT (message_id) DO NOTHING
            RETURNING message_id
        ), accepted AS (
            SELECT id FROM asked WHERE digest IS NULL OR id IN (SELECT message_id FROM keyed)
        ), added AS (
            {read_model.insert_accepted(kind, 3, "accepted")}
        ), sent AS (
            {outbox.insert_caused(9, "accepted")}
        ), told AS (
            {read_model.notify(kind, "added")}
        )
        SELECT id, (SELECT count(*) FROM told) FROM accepted
        """,
        [pending.id for pending, _, _ in ordered],
        [digest for _, digest, _ in ordered],
        *read_model.columns(
            kind,
            [pending for pending, _, _ in ordered],
            {pending.id: command.headers.get("traceparent") for pending, _, command in ordered},
        ),
        *outbox.caused_columns([(pending.id, command) for pending, _, command in ordered], lease_seconds),
    )
    return {row["id"] for row in rows}


async def claim(connection: Connection, keys: Sequence[Key]) -> set[UUID]:
    """Record keys; returns the message ids that were new. A concurrent transaction with the same key is waited for."""
    ordered = sorted(keys, key=lambda key: key.message_id)
    rows = await connection.fetch(
        """
        INSERT INTO idempotency_keys (message_id, digest) SELECT * FROM unnest($1::uuid[], $2::bytea[])
        ON CONFLICT (message_id) DO NOTHING RETURNING message_id
        """,
        [key.message_id for key in ordered],
        [key.digest for key in ordered],
    )
    return {row["message_id"] for row in rows}


async def digests(connection: Connection, message_ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """What was asked first under each of these keys."""
    rows = await connection.fetch(
        "SELECT message_id, digest FROM idempotency_keys WHERE message_id = ANY($1::uuid[])", list(message_ids)
    )
    return {row["message_id"]: bytes(row["digest"]) for row in rows}


async def delete_old(connection: Connection, *, older_than_days: int) -> int:
    """Delete up to 1,000 keys that are older than that; returns how many."""
    status: str = await connection.execute(
        f"""
        DELETE FROM idempotency_keys WHERE message_id IN (
            SELECT message_id FROM idempotency_keys WHERE created_at < now() - make_interval(days => $1)
            LIMIT {_DELETED_AT_ONCE} FOR UPDATE SKIP LOCKED
        )
        """,
        older_than_days,
    )
    return int(status.rpartition(" ")[2])
