"""Queues that take nothing more: nothing is thrown away, publishers keep what was refused."""

from support.broker_control import lengths_now, limit_queue, unlimit_queue
from support.eventually import eventually
from support.graphql import GraphqlClient
from support.handing_in import hand_in, unsent
from support.ledger import Ledger
from support.stack import RunningStack

LIMIT_BYTES = 40_000
TICKETS = 60


async def test_a_full_work_queue_refuses_and_is_drained_afterwards(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    await stack.kill("triage")
    await limit_queue(stack, "triage.work", LIMIT_BYTES)
    try:
        accepted = await hand_in(admin, "Too many", TICKETS, body="b " * 1000)

        async def all_were_tried() -> bool:
            waiting = (await lengths_now(stack, "triage.work"))["triage.work"]
            return waiting > 0 and waiting + await unsent(stack, "gateway") == TICKETS

        await eventually(all_were_tried, every=1)
        assert 0 < await unsent(stack, "gateway") < TICKETS
        balance = (await ledger.balance(accepted, seconds=0)).check()
        assert balance.counts == {"pending": TICKETS}
        # With the limit still in force: as the queue empties, what was refused follows.
        await stack.serve("triage")
        balance = (await ledger.balance(accepted)).check()
        assert balance.counts == {"completed": TICKETS}
    finally:
        await unlimit_queue(stack, "triage.work")
