"""How much waits in the outbox, and for how long already."""

import math

from aiops_common.messaging import outbox
from aiops_common.messaging.metrics import OUTBOX_OLDEST_SECONDS, OUTBOX_PENDING
from aiops_common.postgres import Pool
from aiops_common.sampling import EVERY_SECONDS, Sampler

COUNTED = 10_000
"""Where counting ends: whether millions wait or more makes no difference, and counting them would take seconds."""


class OutboxBacklog:
    """Keeps ``aiops_outbox_pending`` and ``aiops_outbox_oldest_seconds`` for the outbox of the pool's schema."""

    def __init__(self, pool: Pool, *, every_seconds: float = EVERY_SECONDS) -> None:
        self._pool = pool
        self._sampler = Sampler("outbox", self._look, _unknown, every_seconds=every_seconds)

    async def start(self) -> None:
        """Begin to look in the background, as soon as PostgreSQL can be reached."""
        await self._sampler.start()

    async def stop(self) -> None:
        """Look no more."""
        await self._sampler.stop()

    async def _look(self) -> None:
        async with self._pool.connection() as connection:
            waiting = await outbox.backlog(connection, at_most=COUNTED)
        OUTBOX_PENDING.set(waiting.count)
        OUTBOX_OLDEST_SECONDS.set(waiting.oldest_seconds)


def _unknown() -> None:
    OUTBOX_PENDING.set(math.nan)
    OUTBOX_OLDEST_SECONDS.set(math.nan)
