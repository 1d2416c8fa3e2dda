"""A body of 100 MiB: set aside unread, without the memory of the service growing for good."""

import asyncio
from uuid import uuid4

from aiops_common.messaging.names import ATTEMPT_HEADER, REASON_HEADER
from support import triage_rows
from support.dead_letters import next_dead
from support.eventually import eventually
from support.graphql import GraphqlClient
from support.ledger import Accepted, Ledger
from support.queues import take
from support.sending import Raw, cloud_event, partner
from support.stack import RunningStack

MIB = 1024 * 1024
KEPT = 150 * MIB
"""What the service may hold more than before: the pools and buffers of a service that has just begun to work."""
AT_ONCE = 600 * MIB
"""What it may hold more while the body is in its hands, which is a few copies of it: received, in frames, sent."""


def resident(stack: RunningStack) -> int:
    process = stack.stack.processes.running("triage")
    assert process is not None
    return int(process.memory_info().rss)


async def watched(stack: RunningStack, done: asyncio.Event) -> int:
    """The most that the service held until ``done``."""
    most = 0
    while not done.is_set():
        most = max(most, resident(stack))
        await asyncio.sleep(0.02)
    return most


async def test_100_mib_body(stack: RunningStack, admin: GraphqlClient, ledger: Ledger) -> None:
    before, large, after = (uuid4() for _ in range(3))
    await partner(stack).send(cloud_event("Before", identity=before))
    await triage_rows.all_done(stack, [before])
    service, held = stack.stack.processes.running("triage"), resident(stack)
    done = asyncio.Event()
    most = asyncio.create_task(watched(stack, done))
    body = cloud_event("Large", identity=large, data={"title": "Large", "body": "x" * (100 * MIB)})
    await partner(stack).send(Raw(body, {"message_id": str(large)}), cloud_event("After", identity=after))
    await triage_rows.all_done(stack, [after])
    letter = await next_dead(stack, seconds=60)
    done.set()
    assert letter.body == body
    assert (letter.headers[REASON_HEADER], letter.headers[ATTEMPT_HEADER]) == ("too_large", 1)
    assert await take(stack.amqp_url, "triage.dead") is None
    assert await triage_rows.tickets(stack, [large]) == {}
    # The same process: it was not killed by it, and did not have to be.
    assert stack.stack.processes.running("triage") == service
    assert await most - held < AT_ONCE

    async def given_back() -> bool:
        return resident(stack) - held < KEPT

    assert await eventually(given_back)
    balance = (await ledger.balance(Accepted("Ticket", one) for one in (before, after))).check()
    assert balance.counts == {"completed": 2}
