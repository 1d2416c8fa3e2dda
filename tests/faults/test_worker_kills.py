"""SIGKILL of a worker: whatever it was doing is done again, and has one effect."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from aiops_common.messaging.consumer import LOST_DELIVERIES
from aiops_common.messaging.names import ATTEMPT_HEADER, REASON_HEADER
from aiops_common.testing.tcp_proxy import Faults, TcpProxy
from support import crashing_triage, triage_rows
from support.dead_letters import next_dead
from support.eventually import eventually
from support.graphql import GraphqlClient
from support.handing_in import hand_in
from support.ledger import Accepted, Ledger
from support.queues import take
from support.sending import Raw, cloud_event, partner
from support.stack import RunningStack
from support.workers import ScriptedModel, program, scripted_model, start, worker

pytestmark = pytest.mark.timeout(300)  # a dozen starts of a service, on a busy machine

SLOW = {"kind": "delay", "seconds": 20}
AT_ONCE = 5


@pytest.fixture
async def model(stack: RunningStack) -> AsyncIterator[ScriptedModel]:
    async with scripted_model(stack) as running:
        yield running


async def lies_in(stack: RunningStack, queue: str, count: int) -> bool:
    return (await stack.lengths(queue))[queue] == count


async def test_sigkill_amid_a_handler(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger, model: ScriptedModel
) -> None:
    await model.play({**SLOW, "times": AT_ONCE}, {"kind": "ok"})
    accepted = await hand_in(admin, "Amid a handler", AT_ONCE)
    await model.asked_at_least(AT_ONCE)
    await stack.kill("triage")
    assert await triage_rows.tickets(stack, [Accepted.of(one).id for one in accepted]) == {}
    await eventually(partial(lies_in, stack, "triage.work", AT_ONCE))
    await triage_rows.end_leases(stack)
    await start(stack, worker(stack))
    balance = (await ledger.balance(accepted)).check()
    assert balance.counts == {"completed": AT_ONCE}
    assert await model.asked() == 2 * AT_ONCE  # whose first answers nobody was left to hear


async def test_kill_between_commit_and_ack(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger, model: ScriptedModel
) -> None:
    async with TcpProxy("127.0.0.1", stack.stack.rabbitmq.port) as proxy:
        through = worker(stack)
        amqp_url = through.environment["TRIAGE_AMQP_URL"].replace(f":{stack.stack.rabbitmq.port}", f":{proxy.port}")
        await start(stack, worker(stack, TRIAGE_AMQP_URL=amqp_url))
        await model.play({"kind": "delay", "seconds": 1})
        accepted = await hand_in(admin, "Before its ack", 1)
        await model.asked_at_least(1)
        proxy.faults = Faults(black_hole=True)
        await triage_rows.all_done(stack, [Accepted.of(accepted[0]).id])
        await stack.kill("triage")
        assert await lies_in(stack, "triage.work", 0)  # it still is the dead one's, as far as the broker knows
        proxy.faults = Faults()
        await eventually(partial(lies_in, stack, "triage.work", 1))
    await start(stack, worker(stack))
    await eventually(partial(lies_in, stack, "triage.work", 0))
    balance = (await ledger.balance(accepted)).check()
    assert balance.counts == {"completed": 1}
    assert await model.asked() == 1
    assert await stack.lengths("triage.dead") == {"triage.dead": 0}


@pytest.mark.parametrize(("lease_seconds", "attempts"), [("", 2), ("2", 1)], ids=["built-in engine", "language model"])
async def test_crash_loop_ends_in_the_dead_letter_queue(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger, tmp_path: Path, lease_seconds: str, attempts: int
) -> None:
    bombs = tmp_path / "bombs"
    before, bomb, after = (uuid4() for _ in range(3))
    environment = {"BOMBS": str(bombs), "LEASE_SECONDS": lease_seconds, "TRIAGE_MAX_ATTEMPTS": str(attempts)}
    await start(stack, program(worker(stack, model=False, **environment), Path(crashing_triage.__file__)))
    body = cloud_event("A bomb", identity=bomb)
    await partner(stack).send(
        cloud_event("Before", identity=before),
        Raw(body, {"message_id": str(bomb)}),
        cloud_event("After", identity=after),
    )
    letter = await next_dead(stack, seconds=90)
    # Given up by the worker, which can tell the ticket's owner, before the broker's delivery limit takes it away.
    assert (letter.headers[REASON_HEADER], letter.headers[ATTEMPT_HEADER]) == ("attempts_spent", attempts)
    assert letter.body == body
    assert len(bombs.read_text()) == attempts * LOST_DELIVERIES
    await start(stack, worker(stack, model=False))
    balance = (await ledger.balance(Accepted("Ticket", one) for one in (before, bomb, after))).check()
    assert balance.counts == {"completed": 2, "failed": 1}
    assert await take(stack.amqp_url, "triage.dead") is None
