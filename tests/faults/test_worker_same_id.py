"""One id is one effect: however often it comes, whatever else it comes with, and whoever else sends it."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from uuid import UUID, uuid4

import pytest

from aiops_common.messaging.names import ATTEMPT_HEADER, PRINCIPAL_HEADER, REASON_HEADER, RETRY_RUNGS, retry_queue
from support import triage_rows
from support.dead_letters import next_dead
from support.eventually import eventually
from support.graphql import GraphqlClient
from support.ledger import Accepted, Ledger
from support.queues import take
from support.sending import Raw, cloud_event, own_user, partner
from support.stack import RunningStack
from support.workers import ScriptedModel, replica, scripted_model, stop

pytestmark = pytest.mark.timeout(300)  # the model and its worker are started for some of these

COPIES = 100
PAIRS = 20
SOMEBODY = {"headers": {PRINCIPAL_HEADER: "user:00000000-0000-0000-0000-000000000001"}}
WAITING = ("triage.work", *(retry_queue("triage", rung) for rung in RETRY_RUNGS))


@pytest.fixture
async def model(stack: RunningStack) -> AsyncIterator[ScriptedModel]:
    async with scripted_model(stack) as running:
        yield running


async def nothing_waits(stack: RunningStack) -> bool:
    return not any((await stack.lengths(*WAITING)).values())


def failing_now(identity: UUID, title: str) -> Raw:
    """A command of somebody, at its last attempt."""
    headers = {**SOMEBODY["headers"], ATTEMPT_HEADER: 4}
    return Raw(cloud_event(title, identity=identity), {"message_id": str(identity), "headers": headers})


async def test_the_same_id_a_hundred_times_at_once(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger, model: ScriptedModel
) -> None:
    await model.play({"kind": "delay", "seconds": 1})
    identity = uuid4()
    body = cloud_event("A hundred times", identity=identity)
    async with replica(stack, "triage-second"):
        await asyncio.gather(*(partner(stack).send(*[body] * (COPIES // 4)) for _ in range(4)))
        found = await triage_rows.all_done(stack, [identity])
        await eventually(partial(nothing_waits, stack))
    await stop(stack)  # which ends what is in hand, or gives it back
    assert await nothing_waits(stack)
    balance = (await ledger.balance([Accepted("Ticket", identity)])).check()
    assert balance.counts == {"completed": 1}
    assert found[identity].told == (1,)
    assert await model.asked() == 1
    assert await stack.lengths("triage.dead") == {"triage.dead": 0}


@pytest.mark.parametrize("engine", ["built-in engine", "language model"])
async def test_same_id_other_payload(
    request: pytest.FixtureRequest, stack: RunningStack, admin: GraphqlClient, ledger: Ledger, engine: str
) -> None:
    if engine == "language model":
        async with scripted_model(stack):
            await same_id_other_payload(stack, ledger)
    else:
        await same_id_other_payload(stack, ledger)


async def same_id_other_payload(stack: RunningStack, ledger: Ledger) -> None:
    identity, gateway = uuid4(), own_user(stack, "gateway")
    first = cloud_event("First", identity=identity)
    await gateway.send(Raw(first, SOMEBODY))
    await triage_rows.all_done(stack, [identity])
    second = cloud_event("Second", identity=identity)
    for sender, properties in ((gateway, SOMEBODY), (partner(stack), {})):
        await sender.send(Raw(second, {**properties, "message_id": str(identity)}))
        letter = await next_dead(stack)
        assert (letter.headers[REASON_HEADER], letter.headers[ATTEMPT_HEADER]) == ("id_reused", 1)
        assert letter.body == second
    await gateway.send(Raw(first, SOMEBODY))  # a repetition is no other payload
    neighbour = uuid4()
    await gateway.send(Raw(cloud_event("Neighbour", identity=neighbour), SOMEBODY))
    done = await triage_rows.all_done(stack, (identity, neighbour))
    assert (done[identity].title, done[identity].version, done[identity].told) == ("First", 1, (1,))
    balance = (await ledger.balance(Accepted("Ticket", one) for one in (identity, neighbour))).check()
    assert balance.counts == {"completed": 2}
    assert await take(stack.amqp_url, "triage.dead") is None


async def test_same_id_other_payload_at_the_same_moment(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    identities = [uuid4() for _ in range(PAIRS)]
    await partner(stack).send(
        *(cloud_event(title, identity=identity) for identity in identities for title in ("One", "Other"))
    )
    letters = [await next_dead(stack) for _ in identities]
    assert {str(letter.headers[REASON_HEADER]) for letter in letters} == {"id_reused"}
    assert await take(stack.amqp_url, "triage.dead") is None
    done = await triage_rows.all_done(stack, identities)
    assert {one.told for one in done.values()} == {(1,)}
    balance = (await ledger.balance(Accepted("Ticket", one) for one in identities)).check()
    assert balance.counts == {"completed": PAIRS}


async def test_a_partner_cannot_overwrite_the_failed_ticket_of_somebody_else(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    identity, title = uuid4(), f"Refused {uuid4()}"
    async with triage_rows.refusing(stack, title):
        await own_user(stack, "gateway").send(failing_now(identity, title))
        assert (await next_dead(stack)).headers[REASON_HEADER] == "attempts_spent"
    (failed,) = (await triage_rows.tickets(stack, [identity])).values()
    assert (failed.state, failed.title) == ("FAILED", title)
    taking = cloud_event("Mine now", identity=identity)
    await partner(stack).send(Raw(taking, {"message_id": str(identity)}))
    letter = await next_dead(stack)
    assert (letter.headers[REASON_HEADER], letter.headers[ATTEMPT_HEADER]) == ("id_taken", 1)
    assert (letter.headers[PRINCIPAL_HEADER], letter.body) == ("partner:acme", taking)
    assert (await triage_rows.tickets(stack, [identity]))[identity] == failed
    assert (await ledger.balance([Accepted("Ticket", identity)])).check().counts == {"failed": 1}
    # Whoever it belongs to may try again, and does so with the same id.
    await own_user(stack, "gateway").send(failing_now(identity, title))
    done = (await triage_rows.all_done(stack, [identity]))[identity]
    assert (done.title, done.version, done.told) == (title, 2, (1, 2))
    assert (await ledger.balance([Accepted("Ticket", identity)])).check().counts == {"completed": 1}
