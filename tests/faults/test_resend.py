"""A queue is lost with the commands that were waiting in it; the operator has them sent again."""

import asyncio
import json
import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from support.broker_control import delete_queue, provision
from support.eventually import eventually
from support.graphql import GraphqlClient
from support.handing_in import hand_in, ids_of, unsent
from support.ledger import Ledger
from support.sending import TICKET
from support.stack import RunningStack

pytestmark = pytest.mark.timeout(240)


async def resend(stack: RunningStack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``python -m aiops_gateway resend``, with the settings of the gateway that runs."""
    serving = stack.stack.services.serve("gateway", scripted_llm=False)
    *program, _serve = serving.argv
    environment: Mapping[str, str] = {**os.environ, **serving.environment}
    return await asyncio.to_thread(
        subprocess.run,
        [*program, "resend", *arguments],
        env=environment,
        cwd=serving.directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_commands_that_were_lost_with_their_queue_are_done_once_when_they_are_sent_again(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    done = await hand_in(admin, "Done before the loss", 10)
    assert (await ledger.balance(done)).check().counts == {"completed": 10}
    await stack.kill("triage")
    lost = await hand_in(admin, "Lost with the queue", 20)

    async def all_confirmed() -> bool:
        return await unsent(stack, "gateway") == 0

    await eventually(all_confirmed)
    await delete_queue(stack, "triage.work")
    await provision(stack)
    await stack.serve("triage")
    assert (await ledger.balance(lost, seconds=5)).counts == {"lost": 20}

    dry = await resend(stack, "--type", TICKET, "--since", began.isoformat(), "--dry-run", "--json")
    assert json.loads(dry.stdout)["count"] == 30
    assert (await ledger.balance(lost, seconds=2)).counts == {"lost": 20}

    # Those that were done come along: they are known and dropped.
    sent = await resend(stack, "--type", TICKET, "--since", began.isoformat(), "--json")
    assert (sent.returncode, json.loads(sent.stdout)["types"].keys()) == (0, {TICKET})
    assert (await ledger.balance([*done, *lost])).check().counts == {"completed": 30}


async def test_a_single_command_is_sent_again_by_its_id(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    accepted = await hand_in(admin, "Sent again by its id", 2)
    assert (await ledger.balance(accepted)).check().counts == {"completed": 2}
    identity = str(ids_of(accepted)[0])
    assert (await resend(stack, "--id", identity)).returncode == 0

    async def came_again() -> bool:
        spans = [span for span in stack.spans() if span["name"] == f"process {TICKET}"]
        return [span["attributes"]["messaging.message.id"] for span in spans].count(identity) == 2

    await eventually(came_again)
    assert (await ledger.balance(accepted)).check().counts == {"completed": 2}
