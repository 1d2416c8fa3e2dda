"""Parts of the topology disappear or differ; the services wait for the operator's `provision` and go on."""

from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from aiops_local.processes import ProcessFailed
from support.broker_control import delete_exchange, delete_queue, management, provision, unbind
from support.eventually import eventually
from support.graphql import GraphqlClient
from support.handing_in import hand_in, ids_of, unsent
from support.ledger import Ledger
from support.stack import RunningStack
from support.whole import broker_check, pids, until_whole

Damage = Callable[[RunningStack], Awaitable[None]]

# What breaks → the service whose outbox keeps what cannot be sent then, and whether some service must notice.
DAMAGES: dict[str, tuple[Damage, str, str | None]] = {
    "work queue deleted": (partial(delete_queue, name="triage.work"), "gateway", "triage"),
    "commands exchange deleted": (partial(delete_exchange, name="aiops.commands"), "gateway", None),
    "command unroutable": (partial(unbind, exchange="aiops.commands", queue="triage.work"), "gateway", None),
    "events queue deleted": (partial(delete_queue, name="gateway.events"), "triage", "gateway"),
    "events exchange deleted": (partial(delete_exchange, name="aiops.events"), "triage", None),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_accepted_work_waits_for_provisioning(
    damage: str, stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    breaks, keeper, notices = DAMAGES[damage]
    before = pids(stack)
    await breaks(stack)
    try:
        if notices is not None:
            await eventually(partial(notices_it, stack, notices), seconds=30)
        accepted = await hand_in(admin, damage.capitalize(), 5)

        async def kept() -> bool:
            return await unsent(stack, keeper) >= 5

        await eventually(kept)
        balance = (await ledger.balance(accepted, seconds=5)).check() if keeper == "gateway" else None
        assert balance is None or balance.counts == {"pending": 5}
    finally:
        await provision(stack)
    balance = (await ledger.balance(accepted)).check()
    assert balance.counts == {"completed": 5}
    await until_whole(stack, seconds=30)
    assert pids(stack) == before


async def notices_it(stack: RunningStack, service: str) -> bool:
    return await broker_check(stack, service) != "ok"


async def test_a_command_that_no_queue_takes_is_told_to_the_operator(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    await unbind(stack, "aiops.commands", "triage.work")
    try:
        accepted = await hand_in(admin, "Told to the operator", 1)
        (identity,) = ids_of(accepted)

        async def told() -> bool:
            log = (stack.stack.layout.log("gateway")).read_text()
            return any("relay.refused" in line and str(identity) in line for line in log.splitlines())

        await eventually(told)
    finally:
        await provision(stack)
    assert (await ledger.balance(accepted)).check().counts == {"completed": 1}


async def test_a_queue_with_other_arguments_stops_provisioning_before_it_changes_anything(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    await delete_queue(stack, "changelog.dead")
    await delete_queue(stack, "unrouted")
    other = {"durable": True, "arguments": {"x-queue-type": "quorum", "x-max-length": 10}}
    await management(stack, "PUT", "/queues/%2F/changelog.dead", other)
    try:
        with pytest.raises(ProcessFailed) as failed:
            await provision(stack)
        told = str(failed.value)
        assert "exit code 1" in told
        assert "queue changelog.dead: x-max-length should be absent and is 10" in told
        assert "queue changelog.dead: x-overflow should be 'reject-publish' and is absent" in told
        assert "Nothing was changed." in told
        queues = (await management(stack, "GET", "/queues/%2F?columns=name")).json()
        assert "unrouted" not in {queue["name"] for queue in queues}
        accepted = await hand_in(admin, "Beside the drift", 5)
        assert (await ledger.balance(accepted)).check().counts == {"completed": 5}
    finally:
        await delete_queue(stack, "changelog.dead")
        await provision(stack)
