"""Idempotency keys: which piece of work a key stands for."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from aiops_common.postgres import Connection


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key, as the message id derived from it, and a digest of what was asked."""

    message_id: UUID
    digest: bytes


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
