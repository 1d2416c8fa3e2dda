"""The inbox: which messages have had their effect, written in the same transaction as the effect."""

from typing import Any
from uuid import UUID

from aiops_common.logging import get_logger
from aiops_common.messaging.message import Delivery, Poison
from aiops_common.postgres import Connection

_log = get_logger(__name__)


async def is_done(connection: Connection, delivery: Delivery[Any]) -> bool:
    """Whether this very message had its effect.

    Raises:
        Poison: another message of the same id had.
    """
    row = await connection.fetchrow("SELECT digest FROM inbox WHERE message_id = $1", delivery.id)
    if row is None:
        return False
    if not same(row["digest"], delivery.digest):
        raise id_reused()
    return True


def tell_repeated(delivery: Delivery[Any]) -> None:
    """Log that the message came again after it had its effect."""
    _log.info(
        "job.repeated",
        message_id=delivery.id,
        message_type=delivery.message.message_type,
        principal=delivery.principal,
        attempt=delivery.attempt,
    )


def same(one: bytes | None, other: bytes | None) -> bool:
    """Whether two digests are of the same content; one that is unknown is the same as any."""
    return not one or not other or one == other


def id_reused() -> Poison:
    """What is wrong with a message whose id belongs to another one."""
    return Poison("id_reused", "a message of this id but with another content was processed before; use a new id")


async def claim(connection: Connection, message_id: UUID, message_type: str, digest: bytes = b"") -> bool:
    """Record that the message has its effect in this transaction; False where it had it before.

    A concurrent transaction with the same id is waited for.
    """
    claimed = await connection.fetchval(
        """
        INSERT INTO inbox (message_id, message_type, digest) VALUES ($1, $2, $3)
        ON CONFLICT (message_id) DO NOTHING RETURNING true
        """,
        message_id,
        message_type,
        digest or None,
    )
    return bool(claimed)


async def delete_old(connection: Connection, *, older_than_seconds: float, limit: int) -> int:
    """Delete at most ``limit`` records that no redelivery can need any more; returns how many."""
    status: str = await connection.execute(
        """
        DELETE FROM inbox WHERE message_id IN (
            SELECT message_id FROM inbox WHERE received_at < now() - make_interval(secs => $1) LIMIT $2
        )
        """,
        older_than_seconds,
        limit,
    )
    return int(status.rpartition(" ")[2])
