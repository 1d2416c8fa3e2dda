"""The broker runs out of memory or disk and blocks publishers."""

import httpx
import pytest

from support.broker_control import lengths_now, management, rabbitmqctl
from support.eventually import eventually
from support.graphql import GraphqlClient
from support.handing_in import count_rows, hand_in, ids_of, unsent
from support.ledger import Ledger
from support.stack import RunningStack

ALARMS = {
    "memory": (("set_vm_memory_high_watermark", "0.000001"), ("set_vm_memory_high_watermark", "0.4")),
    "disk": (("set_disk_free_limit", "999999GB"), ("set_disk_free_limit", "64MB")),
}


async def is_alarmed(stack: RunningStack) -> bool:
    try:
        await management(stack, "GET", "/health/checks/local-alarms")
    except httpx.HTTPStatusError as error:
        return error.response.status_code == httpx.codes.SERVICE_UNAVAILABLE
    return False


@pytest.mark.timeout(240)
@pytest.mark.parametrize("resource", ALARMS)
async def test_mutations_are_accepted_and_workers_acknowledge(
    resource: str, stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    exhaust, restore = ALARMS[resource]
    await stack.kill("triage")
    before = await hand_in(admin, f"Before the {resource} alarm", 30)
    await eventually(lambda: waiting(stack, 30))
    try:
        await rabbitmqctl(stack, *exhaust)
        await eventually(lambda: is_alarmed(stack))
        during = await hand_in(admin, f"During the {resource} alarm", 20)
        await stack.serve("triage")

        async def worked() -> bool:
            return await count_rows(stack, "triage.inbox", "message_id = ANY($1)", ids_of(before)) == 30

        await eventually(worked, seconds=30)
        # What the gateway sent before the broker stopped reading may have come through; all that came is done too.
        await eventually(lambda: waiting(stack, 0), seconds=30)
        assert await unsent(stack, "gateway") > 0
        assert await is_alarmed(stack)
        balance = (await ledger.balance([*before, *during], seconds=0)).check()
        assert balance.completed >= set(ids_of(before))
        assert balance.pending
    finally:
        await rabbitmqctl(stack, *restore)
    balance = (await ledger.balance([*before, *during])).check()
    assert balance.counts == {"completed": 50}


async def waiting(stack: RunningStack, count: int) -> bool:
    """Whether so many messages are in triage's work queue, those in its hands included."""
    return await lengths_now(stack, "triage.work") == {"triage.work": count}
