"""Three brokers in a cluster: one is lost amid work, given up, and replaced, as docs/runbook.md says."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aiops_local.installations import find_rabbitmq
from aiops_local.layout import Layout
from aiops_local.rabbitmq import RabbitmqServer
from aiops_local.stack import Stack
from support.administrator import administrator
from support.broker_control import management
from support.eventually import eventually
from support.graphql import GraphqlClient
from support.handing_in import hand_in
from support.ledger import Ledger
from support.servers import state_directory
from support.stack import RunningStack, running_stack

pytestmark = [pytest.mark.timeout(420), pytest.mark.long]

QUEUE = "triage.work"
_SECONDS = 90.0


@pytest.fixture(autouse=True)
def whole() -> None:
    """The stack of the other tests is not needed."""


def control(server: RabbitmqServer, state: Path, program: str, *arguments: str) -> None:
    """``rabbitmqctl`` and the like on a node; its failure fails the test."""
    cookie = (Layout.of(state).rabbitmq / ".erlang.cookie").read_text()
    ended = subprocess.run(
        [str(find_rabbitmq().programs / program), "-q", "-n", server.node, *arguments],
        env={**os.environ, **server.control_environment, "RABBITMQ_ERLANG_COOKIE": cookie},
        capture_output=True, text=True, timeout=_SECONDS, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr


@dataclass
class Cluster:
    """``nodes`` are those beside the first, which is the stack's own and which the services are connected to."""

    first: tuple[RabbitmqServer, Path]
    ends: ExitStack
    nodes: list[RabbitmqServer] = field(default_factory=list)

    def control(self, program: str, *arguments: str) -> None:
        """On the first node."""
        control(*self.first, program, *arguments)

    def add(self) -> RabbitmqServer:
        """One more node, with the same cookie and administrator."""
        server, state = self.first
        own = self.ends.enter_context(state_directory())
        shutil.copy(Layout.of(state).credentials, Layout.of(own).credentials)
        node = RabbitmqServer(own)
        node.start()
        self.ends.callback(node.stop)
        for arguments in (("stop_app",), ("reset",), ("join_cluster", server.node), ("start_app",)):
            control(node, own, "rabbitmqctl", *arguments)
        self.nodes.append(node)
        return node


@pytest.fixture(scope="module")
def clustered() -> Iterator[tuple[RunningStack, Cluster]]:
    made: list[Cluster] = []
    with ExitStack() as ends:

        def prepare(stack: Stack) -> None:
            stack.rabbitmq.start()
            made.append(Cluster((stack.rabbitmq, stack.layout.state), ends))
            made[0].add()
            made[0].add()

        with running_stack(prepare=prepare) as stack:
            yield stack, made[0]


async def members(stack: RunningStack, kind: str = "members") -> set[str]:
    """The nodes that have a copy of QUEUE; with ``online`` those of them that are there."""
    told = (await management(stack, "GET", f"/queues/%2F/{QUEUE}")).json()
    return set(told[kind])


async def leader(stack: RunningStack) -> str:
    return str((await management(stack, "GET", f"/queues/%2F/{QUEUE}")).json()["leader"])


async def done(stack: RunningStack, admin: GraphqlClient, prefix: str, *, lose: RabbitmqServer | None = None) -> None:
    """Hand in tickets, amid which a node may be lost; all of them are done once."""
    environment = stack.environment
    ledger = Ledger(environment["DATABASE_URL"], stack.amqp_url, environment["RABBITMQ_MANAGEMENT_URL"])
    accepted = await hand_in(admin, f"{prefix}, before", 100)
    if lose is not None:
        await asyncio.to_thread(lose.kill)
    accepted += await hand_in(admin, f"{prefix}, after", 100)
    assert (await ledger.balance(accepted, seconds=_SECONDS)).check().counts == {"completed": 200}


async def test_a_node_is_lost_given_up_and_replaced(clustered: tuple[RunningStack, Cluster]) -> None:
    stack, cluster = clustered
    admin = await administrator(stack)
    first, (lost, third) = cluster.first[0], cluster.nodes
    assert await members(stack) == {first.node, lost.node, third.node}
    # The leader of the queue is lost, and not the node that the services are connected to.
    await asyncio.to_thread(cluster.control, "rabbitmqctl", "eval", TRANSFER % (QUEUE, lost.node))

    async def leads() -> bool:
        return await leader(stack) == lost.node

    await eventually(leads, seconds=_SECONDS)
    await done(stack, admin, "A node is lost", lose=lost)
    assert await leader(stack) != lost.node

    await asyncio.to_thread(cluster.control, "rabbitmq-queues", "shrink", lost.node)
    await asyncio.to_thread(cluster.control, "rabbitmqctl", "forget_cluster_node", lost.node)
    new = await asyncio.to_thread(cluster.add)
    await asyncio.to_thread(cluster.control, "rabbitmq-queues", "grow", new.node, "all")

    async def replaced() -> bool:
        return await members(stack, "online") == {first.node, third.node, new.node}

    await eventually(replaced, seconds=_SECONDS)
    # The new one counts: without it, two of three would be gone now.
    await done(stack, admin, "Another node is lost", lose=third)


TRANSFER = """
{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"%s">>)),
rabbit_quorum_queue:transfer_leadership(Q, '%s').
"""
