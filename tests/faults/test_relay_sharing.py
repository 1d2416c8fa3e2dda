"""Several relays work on one outbox, and go on after PostgreSQL was restarted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiops_common.messaging import outbox
from aiops_common.messaging.message import Outgoing, outgoing
from aiops_common.messaging.publisher import Publisher
from aiops_common.messaging.relay import OutboxRelay
from aiops_common.postgres import Listener, Pool
from aiops_contracts.triage import TriageTicket
from support.eventually import eventually
from support.handing_in import count_rows
from support.ledger import Accepted, Ledger
from support.stack import RunningStack

ROWS = 2000


def command(title: str) -> Outgoing:
    ticket = TriageTicket(title=title, body="b")
    return outgoing(ticket, exchange="aiops.commands", source="aiops/gateway", principal="user:test")


@asynccontextmanager
async def gateway_relay(
    stack: RunningStack, listener: Listener, *, poll_seconds: float = 2.0
) -> AsyncIterator[tuple[Pool, OutboxRelay]]:
    """A relay of the gateway's outbox with connections of its own; it is not started."""
    environment = stack.stack.services.serve("gateway", scripted_llm=False).environment
    pool = Pool(environment["GATEWAY_DATABASE_URL"], max_size=2, name="test-relay")
    publisher = Publisher(environment["GATEWAY_AMQP_URL"], name="test-relay")
    try:
        yield pool, OutboxRelay(pool, publisher, schema="gateway", listener=listener, poll_seconds=poll_seconds)
    finally:
        await publisher.stop()
        await pool.stop()


async def drain(relay: OutboxRelay) -> int:
    """How many messages this relay sent until nothing was left for it."""
    total = 0
    while sent := await relay.relay_once():
        total += sent
    return total


async def test_two_relays_claim_each_of_2000_rows_once(stack: RunningStack, ledger: Ledger) -> None:
    await stack.kill("gateway")
    messages = [command(f"Shared {number}") for number in range(ROWS)]
    ids = [message.id for message in messages]
    idle = Listener("postgresql://unused")
    async with gateway_relay(stack, idle) as (pool, one), gateway_relay(stack, idle) as (_, other):
        async with pool.transaction() as connection:
            await outbox.append(connection, messages)
        sent = await asyncio.gather(drain(one), drain(other))
    assert sum(sent) == ROWS
    assert min(sent) > 0
    once = "id = ANY($1) AND attempts = 1 AND sent_at IS NOT NULL"
    assert await count_rows(stack, "gateway.outbox", once, ids) == ROWS
    await stack.serve("gateway")
    balance = (await ledger.balance(Accepted("Ticket", identity) for identity in ids)).check()
    assert balance.counts == {"completed": ROWS}


async def test_a_relay_listens_again_after_a_restart_of_postgresql(stack: RunningStack, ledger: Ledger) -> None:
    await stack.kill("gateway")
    listener = Listener(stack.environment["DATABASE_URL"], probe_seconds=0.5, max_wait_seconds=0.5)
    message = command("Announced after the restart")
    # It polls once an hour, so what it sends in time it was told of.
    async with gateway_relay(stack, listener, poll_seconds=3600) as (pool, relay):
        await listener.start()
        await relay.start()
        try:
            await eventually(lambda: connected(listener, True))
            await asyncio.to_thread(stack.stack.postgres.stop)
            await eventually(lambda: connected(listener, False))
            await asyncio.to_thread(stack.stack.postgres.start)
            await eventually(lambda: connected(listener, True))
            await eventually(lambda: nothing_due(stack))  # what it looks for whenever it has connected
            async with pool.transaction() as connection:
                await outbox.append(connection, [message])
            await eventually(lambda: is_sent(stack, message))
        finally:
            await relay.stop()
            await listener.stop()
    await stack.serve("gateway")
    balance = (await ledger.balance([Accepted("Ticket", message.id)])).check()
    assert balance.counts == {"completed": 1}


async def connected(listener: Listener, wanted: bool) -> bool:
    return listener.connected is wanted


async def nothing_due(stack: RunningStack) -> bool:
    return await count_rows(stack, "gateway.outbox", "sent_at IS NULL") == 0


async def is_sent(stack: RunningStack, message: Outgoing) -> bool:
    return await count_rows(stack, "gateway.outbox", "id = $1 AND sent_at IS NOT NULL", message.id) == 1
