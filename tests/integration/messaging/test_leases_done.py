"""Copies of a message that is done learn it together, and do not send each other back to wait."""

import asyncio
from datetime import UTC, datetime

from structlog.testing import capture_logs

from aiops_common.messaging import inbox
from aiops_common.messaging.leases import Leases
from aiops_common.messaging.message import Delivery, new_message_id
from aiops_common.postgres import Pool
from aiops_contracts.triage import TriageTicket

COPIES = 5


async def test_copies_of_a_message_that_is_done_do_not_wait_for_each_other(pools: dict[str, Pool]) -> None:
    pool = pools["triage"]
    ticket = TriageTicket(title="t", body="b")
    copy = Delivery(id=new_message_id(), message=ticket, principal="user:1", attempt=1, time=datetime.now(UTC))
    async with pool.connection() as connection:
        assert await inbox.claim(connection, copy.id, TriageTicket.message_type)
    leases = Leases(pool, seconds=60)
    inside = asyncio.Barrier(COPIES)

    async def deliver() -> bool:
        async with leases.hold(copy) as is_new:
            await inside.wait()
            return is_new

    async with asyncio.timeout(30):
        with capture_logs() as lines:
            assert await asyncio.gather(*(deliver() for _ in range(COPIES))) == [False] * COPIES
    told = {"message_id": copy.id, "message_type": TriageTicket.message_type, "principal": "user:1", "attempt": 1}
    assert lines == [{"event": "job.repeated", "log_level": "info", **told}] * COPIES
    async with pool.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM leases WHERE message_id = $1", copy.id) == 0
