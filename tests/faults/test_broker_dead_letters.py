"""Nobody takes dead letters: poison stays where it is, its neighbours are processed, nothing is thrown away."""

from collections.abc import Awaitable, Callable
from functools import partial
from uuid import uuid4

import pytest

from support.broker_control import delete_exchange, lengths_now, limit_queue, provision, rabbitmqctl, unlimit_queue
from support.eventually import eventually
from support.graphql import GraphqlClient
from support.handing_in import hand_in
from support.ledger import Accepted, Ledger
from support.peek import peek
from support.queues import channel
from support.sending import Raw, cloud_event, partner
from support.stack import RunningStack

Step = Callable[[RunningStack], Awaitable[None]]

OUTAGES: dict[str, tuple[Step, Step]] = {
    "exchange deleted": (partial(delete_exchange, name="aiops.dead"), provision),
    "dead queue full": (
        partial(limit_queue, queue="triage.dead", max_bytes=1),
        partial(unlimit_queue, queue="triage.dead"),
    ),
}

DELIVERY_LIMIT = 10

# At-least-once dead-lettering is tried again every three minutes; this tells those who do it that they are over.
TRY_AGAIN = "[gen_server:cast(P, settle_timeout) || {_, P, _, _} <- supervisor:which_children(rabbit_fifo_dlx_sup)]."


async def poison(stack: RunningStack) -> Accepted:
    """A message that no retry can help, confirmed by the broker."""
    message = Accepted("Ticket", uuid4())
    body = cloud_event("Poison", identity=message.id, data={"title": "no body"})
    await partner(stack).send(Raw(body, {"message_id": str(message.id)}))
    return message


@pytest.mark.parametrize("outage", OUTAGES)
async def test_poison_waits_for_a_dead_queue_that_takes_it(
    outage: str, stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    breaks, repairs = OUTAGES[outage]
    await breaks(stack)
    try:
        if outage == "dead queue full":  # RabbitMQ lets a queue grow beyond its limit by one message
            filling = await poison(stack)
            await eventually(lambda: is_dead(stack))
        bad = await poison(stack)
        accepted = await hand_in(admin, f"Beside poison, {outage}", 5)
        assert (await ledger.balance(accepted)).check().counts == {"completed": 5}
        await eventually(lambda: is_kept(stack), every=1)
    finally:
        await repairs(stack)
    expected = [bad, filling] if outage == "dead queue full" else [bad]
    balance = (await ledger.balance([*accepted, *expected])).check()
    assert balance.counts == {"completed": 5, "dead": len(expected)}
    assert {letter.reason for letter in balance.letters} == {"bad_payload"}


async def is_kept(stack: RunningStack) -> bool:
    # RabbitMQ counts what is in the consumers' hands every five seconds.
    return await lengths_now(stack, "triage.work") == {"triage.work": 1}


async def is_dead(stack: RunningStack) -> bool:
    return (await stack.lengths("triage.dead"))["triage.dead"] > 0


@pytest.mark.timeout(300)
async def test_what_the_broker_itself_gives_up_waits_in_its_queue(stack: RunningStack, ledger: Ledger) -> None:
    await stack.kill("triage")
    await delete_exchange(stack, "aiops.dead")
    try:
        bad = await poison(stack)
        await deliver_too_often(stack, "triage.work")

        async def is_set_aside() -> bool:
            # No longer to be delivered, and still there.
            return await lengths_now(stack, "triage.work") == {"triage.work": 1} and not await peek(
                stack.amqp_url, "triage.work"
            )

        await eventually(is_set_aside, every=1)
    finally:
        await provision(stack)
        await stack.serve("triage")
    await rabbitmqctl(stack, "eval", TRY_AGAIN)
    balance = (await ledger.balance([bad], seconds=200)).check()
    assert balance.counts == {"dead": 1}
    assert [letter.reason for letter in balance.letters] == ["broker"]


async def deliver_too_often(stack: RunningStack, queue: str) -> None:
    """Take the only message of a queue and give it back until it is beyond the delivery limit."""
    async with channel(stack.amqp_url) as opened:
        source = await opened.get_queue(queue, ensure=False)
        for _ in range(DELIVERY_LIMIT + 1):
            message = await eventually(lambda: source.get(fail=False))
            await message.reject(requeue=True)
