"""A partner floods triage with messages that cannot be read, and the operator ends it as docs/runbook.md says."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from support.broker_control import provision
from support.eventually import eventually
from support.graphql import GraphqlClient
from support.handing_in import hand_in
from support.ledger import Accepted, Ledger
from support.queues import purge
from support.sending import TICKET, Raw, cloud_event, partner
from support.servers import PARTNER, ROOT
from support.stack import RunningStack

pytestmark = pytest.mark.timeout(240)

STORM = 600
TOPOLOGY = ROOT / "deploy" / "rabbitmq" / "topology.yaml"


async def operator(stack: RunningStack, *arguments: str) -> str:
    """A command of the operator; what it printed."""
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", *arguments],
        env={
            **os.environ,
            "AMQP_URL": stack.environment["OPERATOR_AMQP_URL"],
            **stack.stack.services.provision_rabbitmq().environment,
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


async def dead_letters(stack: RunningStack, *arguments: str) -> str:
    return await operator(stack, "aiops_common.messaging.deadletter", *arguments, "--queue", "triage.dead")


async def test_good_work_goes_on_and_what_lies_there_is_told_and_discarded(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    good = [uuid4() for _ in range(20)]
    storm = [Raw(b"{not json", {"message_id": str(uuid4())}) for _ in range(STORM)]
    messages = [*storm]
    for number, identity in enumerate(good):
        messages.insert(number * STORM // 20, Raw(cloud_event("Amid the storm", identity=identity)))
    await partner(stack).send(*messages)
    own = await hand_in(admin, "During the storm", 20)
    accepted = [*map(Accepted.of, own), *(Accepted("Ticket", identity) for identity in good)]
    assert (await ledger.balance(accepted)).check().counts == {"completed": 40}

    async def all_dead() -> bool:
        return await stack.lengths("triage.dead") == {"triage.dead": STORM}

    await eventually(all_dead, seconds=60)
    told = [json.loads(line) for line in (await dead_letters(stack, "list", "--json")).splitlines()]
    assert {(letter["reason"], letter["principal"]) for letter in told} == {("not_json", f"partner:{PARTNER}")}
    await dead_letters(stack, "discard", "--reason", "not_json")
    assert await stack.lengths("triage.dead") == {"triage.dead": 0}


async def test_a_partner_loses_a_grant_and_its_messages_go_where_they_harm_nobody(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger, tmp_path: Path
) -> None:
    topology = yaml.safe_load(TOPOLOGY.read_text(encoding="utf-8"))
    topology["partners"][PARTNER]["may_send"].remove(TICKET)
    changed = tmp_path / "topology.yaml"
    changed.write_text(yaml.safe_dump(topology), encoding="utf-8")
    await purge(stack.amqp_url, "unrouted")
    try:
        told = await operator(stack, "aiops_common.messaging", "provision", str(changed))
        assert f"remove grant of {TICKET} from ingress.{PARTNER} to triage.work" in told
        await partner(stack).send(*[b"{not json"] * 50)
        assert await stack.lengths("unrouted", "triage.dead") == {"unrouted": 50, "triage.dead": 0}
        own = await hand_in(admin, "Without the partner", 10)
        assert (await ledger.balance(own)).check().counts == {"completed": 10}
    finally:
        await provision(stack)
        await purge(stack.amqp_url, "unrouted")
