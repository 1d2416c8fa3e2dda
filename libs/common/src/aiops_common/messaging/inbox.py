"""The inbox: which messages have had their effect, written in the same transaction as the effect."""

from collections.abc import Iterable
from uuid import UUID

from aiops_common.postgres import Connection


async def seen(connection: Connection, message_ids: Iterable[UUID]) -> set[UUID]:
    """Those of ``message_ids`` that already had their effect."""
    rows = await connection.fetch("SELECT message_id FROM inbox WHERE message_id = ANY($1::uuid[])", list(message_ids))
    return {row["message_id"] for row in rows}


async def claim(connection: Connection, messages: Iterable[tuple[UUID, str]]) -> set[UUID]:
    """Record (message id, type) pairs; returns the ids that were new.

    Only for those may the caller go on in this transaction. A concurrent transaction with the same id is waited for.
    Ids are inserted in order, so that two overlapping batches cannot deadlock.
    """
    ordered = sorted(dict(messages).items())
    rows = await connection.fetch(
        """
        INSERT INTO inbox (message_id, message_type) SELECT * FROM unnest($1::uuid[], $2::text[])
        ON CONFLICT (message_id) DO NOTHING RETURNING message_id
        """,
        [message_id for message_id, _ in ordered],
        [message_type for _, message_type in ordered],
    )
    return {row["message_id"] for row in rows}


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
