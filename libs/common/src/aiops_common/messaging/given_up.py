"""What was given up: messages whose entity tells of a failure, and who may still turn it into a success."""

from typing import Any

from aiops_common.messaging.message import Delivery, Poison
from aiops_common.postgres import Connection


async def record(connection: Connection, delivery: Delivery[Any]) -> None:
    """Note in this transaction that the message was given up, so that a replay of its dead letter is let through."""
    await connection.execute(
        "INSERT INTO given_up (message_id, principal) VALUES ($1, $2) ON CONFLICT (message_id) DO NOTHING",
        delivery.id,
        delivery.principal,
    )


async def take_back(connection: Connection, delivery: Delivery[Any]) -> None:
    """Forget that the message was given up, because it succeeds in this transaction.

    Raises:
        Poison: what has this id is not a failure of this sender's message, and must not be replaced by it.
    """
    taken = await connection.fetchval(
        "DELETE FROM given_up WHERE message_id = $1 AND principal = $2 RETURNING true", delivery.id, delivery.principal
    )
    if not taken:
        raise Poison(
            "id_taken", "something else has this id, and it is not a failed message of this sender; use a new id"
        )
