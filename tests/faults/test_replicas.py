"""Two processes of a service share its work; one of them is killed and the other does the rest.

Each replica writes its spans to a file of its own, so who did what is what the processes themselves have told.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from support.eventually import eventually
from support.graphql import GraphqlClient, Json
from support.handing_in import count_rows, hand_in, ids_of
from support.holding import held
from support.ledger import Ledger
from support.sending import TICKET
from support.stack import RunningStack
from support.workers import start

pytestmark = pytest.mark.timeout(240)


@asynccontextmanager
async def second(stack: RunningStack, service: str) -> AsyncIterator[str]:
    """One more process of ``service``; its name, which has an address and a file of spans."""
    name = f"{service}-2"
    usual = stack.stack.services.serve(service, scripted_llm=False)
    own = {
        f"{service.upper()}_PORT": str(stack.stack.services.ports[name]),
        "TRACES_FILE": str(traces(stack, name)),
        "OTEL_BSP_SCHEDULE_DELAY": "200",  # milliseconds: a killed process has told all but the last moment
    }
    try:
        await start(stack, replace(usual, name=name, environment={**usual.environment, **own}))
        yield name
    finally:
        await asyncio.to_thread(stack.stack.processes.stop, name)


def traces(stack: RunningStack, name: str) -> Path:
    return stack.stack.layout.traces.with_name(f"{name}.jsonl")


def of_second(stack: RunningStack, name: str) -> list[Json]:
    """Every span that the second process has written."""
    try:
        text = traces(stack, name).read_text()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def messages(spans: list[Json], action: str, wanted: set[str]) -> Counter[str]:
    """How often each of the ``wanted`` ids was published or processed."""
    found = (span["attributes"]["messaging.message.id"] for span in spans if span["name"] == f"{action} {TICKET}")
    return Counter(identity for identity in found if identity in wanted)


async def test_two_gateways_and_two_workers_do_everything_once_and_each_its_part(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    async with second(stack, "gateway") as gateway, second(stack, "triage") as worker:
        other_admin = GraphqlClient(f"{stack.stack.services.url(gateway)}/graphql", admin.token)
        halves = await asyncio.gather(
            hand_in(admin, "By the first gateway", 250), hand_in(other_admin, "By the second gateway", 250)
        )
        accepted = [ticket for half in halves for ticket in half]
        assert (await ledger.balance(accepted)).check().counts == {"completed": 500}
        wanted = set(map(str, ids_of(accepted)))

        async def told(action: str, name: str) -> tuple[Counter[str], Counter[str]] | None:
            parts = messages(stack.spans(), action, wanted), messages(of_second(stack, name), action, wanted)
            return parts if wanted <= parts[0].keys() | parts[1].keys() else None

        for action, name in (("publish", gateway), ("process", worker)):
            parts = await eventually(partial(told, action, name))
            assert min(len(part) for part in parts) >= 100, f"{action}: {[len(part) for part in parts]}"
            assert parts[0] + parts[1] == Counter(wanted), f"some were {action}ed more than once"


async def test_a_worker_that_is_killed_half_way_leaves_the_rest_to_the_other(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    async with second(stack, "triage") as worker:
        first = await hand_in(admin, "Before a replica is killed", 100)
        assert (await ledger.balance(first)).check().counts == {"completed": 100}
        wanted = set(map(str, ids_of(first)))

        async def took_part() -> bool:
            return len(messages(of_second(stack, worker), "process", wanted)) >= 20

        await eventually(took_part)
        async with held(stack, "INSERT", "triage", "tickets"):
            rest = await hand_in(admin, "While a replica is killed", 400)

            async def both_are_writing() -> bool:
                waiting = "wait_event = 'PgSleep' AND application_name = 'aiops-triage'"
                return await count_rows(stack, "pg_stat_activity", waiting) >= 2

            await eventually(both_are_writing)
            await asyncio.to_thread(stack.stack.processes.stop, worker, force=True)
        assert (await ledger.balance([*first, *rest])).check().counts == {"completed": 500}
