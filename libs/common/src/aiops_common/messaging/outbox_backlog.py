"""How much waits in the outbox, and for how long already."""

import math

from aiops_common.messaging import outbox
from aiops_common.messaging.metrics import OUTBOX_OLDEST_SECONDS, OUTBOX_PENDING
from aiops_common.postgres import Pool
from aiops_common.sampling import EVERY_SECONDS, Sampler

COUNTED = 10_000
"""Where counting ends: whether millions wait or more makes no difference, and counting them would take seconds."""


def outbox_backlog(pool: Pool, *, every_seconds: float = EVERY_SECONDS) -> Sampler:
    """Keeps ``aiops_outbox_pending`` and ``aiops_outbox_oldest_seconds`` for the outbox of the pool's schema."""

    async def look() -> None:
        async with pool.connection() as connection:
            waiting = await outbox.backlog(connection, at_most=COUNTED)
        OUTBOX_PENDING.set(waiting.count)
        OUTBOX_OLDEST_SECONDS.set(waiting.oldest_seconds)

    return Sampler("outbox", look, _unknown, every_seconds=every_seconds)


def _unknown() -> None:
    OUTBOX_PENDING.set(math.nan)
    OUTBOX_OLDEST_SECONDS.set(math.nan)
