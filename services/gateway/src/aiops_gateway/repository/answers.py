"""Answers that are kept under idempotency keys, and who is at work on those that are not there yet."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from aiops_common.postgres import Connection, encode_json
from aiops_gateway.repository.acceptance import Key


@dataclass(frozen=True, slots=True)
class Kept:
    """What stands under a key: the digest of what was asked first, and the answer, None while it is worked on."""

    digest: bytes
    answer: dict[str, Any] | None


async def claim(connection: Connection, key: Key, claimant: UUID, lease_seconds: float) -> bool:
    """Take the work under ``key`` if nobody has it, or if whoever has it let the claim run out."""
    taken = await connection.fetchval(
        """
        INSERT INTO idempotency_keys AS k (message_id, digest, claimed_by, claimed_until)
        VALUES ($1, $2, $3, now() + make_interval(secs => $4))
        ON CONFLICT (message_id) DO UPDATE SET claimed_by = $3, claimed_until = now() + make_interval(secs => $4)
            WHERE k.digest = $2 AND k.answer IS NULL AND (k.claimed_until IS NULL OR k.claimed_until < now())
        RETURNING true
        """,
        key.message_id, key.digest, claimant, lease_seconds,
    )  # fmt: skip
    return bool(taken)


async def get(connection: Connection, message_id: UUID) -> Kept | None:
    """What stands under the key, None where nothing does."""
    row = await connection.fetchrow("SELECT digest, answer FROM idempotency_keys WHERE message_id = $1", message_id)
    return Kept(bytes(row["digest"]), row["answer"] and orjson.loads(row["answer"])) if row else None


async def prolong(connection: Connection, message_id: UUID, claimant: UUID, lease_seconds: float) -> bool:
    """Put off the end of a claim; False where it is somebody else's by now."""
    done = await connection.fetchval(
        """
        UPDATE idempotency_keys SET claimed_until = now() + make_interval(secs => $3)
        WHERE message_id = $1 AND claimed_by = $2 AND answer IS NULL RETURNING true
        """,
        message_id, claimant, lease_seconds,
    )  # fmt: skip
    return bool(done)


async def keep(connection: Connection, message_id: UUID, answer: dict[str, Any]) -> None:
    """Keep the answer; the first one stays."""
    await connection.execute(
        "UPDATE idempotency_keys SET answer = $2::jsonb WHERE message_id = $1 AND answer IS NULL",
        message_id, encode_json(answer),
    )  # fmt: skip


async def release(connection: Connection, message_id: UUID, claimant: UUID) -> None:
    """Give the key back: nothing was done under it."""
    await connection.execute(
        "DELETE FROM idempotency_keys WHERE message_id = $1 AND claimed_by = $2 AND answer IS NULL",
        message_id, claimant,
    )  # fmt: skip


async def let_go(connection: Connection, message_id: UUID, claimant: UUID) -> None:
    """End a claim; the key goes on standing for what was asked."""
    await connection.execute(
        """
        UPDATE idempotency_keys SET claimed_until = NULL
        WHERE message_id = $1 AND claimed_by = $2 AND answer IS NULL
        """,
        message_id, claimant,
    )  # fmt: skip
