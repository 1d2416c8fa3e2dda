"""Leases: of several deliveries of one message, one at a time does the work that costs money."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

from aiops_common.deferral import Deferred
from aiops_common.messaging import inbox
from aiops_common.messaging.message import Delivery
from aiops_common.postgres import DatabaseUnavailable, Pool

BUSY_SECONDS = 5.0
"""When to look again whether the other delivery is done."""


class Leases:
    """Leases of the pool's schema, each for ``seconds`` at most: more than the work can take. With None there are no
    leases, because the work costs nothing; that its effect comes once is the inbox's concern in any case.

    A process that ends in good order gives its leases back. One that is killed leaves them, and its messages, which the
    broker delivers again at once, wait until they end.
    """

    def __init__(self, pool: Pool, *, seconds: float | None) -> None:
        self._pool = pool
        self._seconds = seconds

    @asynccontextmanager
    async def hold(self, delivery: Delivery[Any]) -> AsyncIterator[bool]:
        """Hold the message's lease inside the block; False where the message has had its effect already.

        Raises:
            Deferred: another delivery of the message holds it.
            Poison: another message of the same id had its effect.
            DatabaseUnavailable: PostgreSQL cannot be reached.
        """
        if self._seconds is None:
            yield True
            return
        holder = uuid4()
        held = await self._take(delivery.id, holder)
        try:
            # Only now: whoever held the lease before has written its effect before giving the lease back.
            async with self._pool.connection() as connection:
                done = await inbox.is_done(connection, delivery)
            # Without the lease too: copies that come together to learn that it is done would only hold each other up.
            if not held and not done:
                raise Deferred("another delivery of this message is being worked on", retry_after=BUSY_SECONDS)
            if done:
                inbox.tell_repeated(delivery)
            yield not done
        finally:
            if held:
                await self._give_back(delivery.id, holder)

    async def _take(self, message_id: UUID, holder: UUID) -> bool:
        async with self._pool.connection() as connection:
            taken = await connection.fetchval(
                """
                INSERT INTO leases (message_id, holder, expires_at)
                VALUES ($1, $2, now() + make_interval(secs => $3))
                ON CONFLICT (message_id) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
                    WHERE leases.expires_at < now()
                RETURNING true
                """,
                message_id,
                holder,
                self._seconds,
            )
        return bool(taken)

    async def _give_back(self, message_id: UUID, holder: UUID) -> None:
        try:
            async with self._pool.connection() as connection:
                # And what killed processes left behind, so that nothing else has to sweep.
                await connection.execute(
                    "DELETE FROM leases WHERE (message_id = $1 AND holder = $2) OR expires_at < now() - interval '1 h'",
                    message_id,
                    holder,
                )
        except DatabaseUnavailable:
            return  # it ends by itself
