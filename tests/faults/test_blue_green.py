"""From one release to the other beside it and back, under load: nobody is refused, nothing is lost or doubled."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from deploy.bluegreen.place import Process, health
from deploy.bluegreen.switching import Plan, Refused, TakenBack, back, switch
from deploy.bluegreen.watching import Limits

from aiops_common.settings import Colour
from e2e import documents
from faults import broken_gateway
from support import broken_triage
from support.eventually import eventually
from support.graphql import GraphqlClient, Json
from support.ledger import Ledger
from support.sending import TICKET
from support.showing import Balancer, Screen, running
from support.stack import RunningStack
from support.two_colours import TwoColours, two_colours

pytestmark = pytest.mark.timeout(600)  # ten processes; a step asks each of them, and a command of each service

BLUE, GREEN = Colour.BLUE, Colour.GREEN
PLAN = Plan(watch_seconds=5, before_seconds=3, look_seconds=1, limits=Limits())
LOG = "2026-01-01 00:00:01 ERROR connection to db-1 lost\n2026-01-01 00:00:02 INFO retrying\n"
COMMITS = [{"hash": "a1b2c3d", "message": "fix(api): answer in time"}]


@dataclass(slots=True)
class Load:
    """Clients that hand in work, read, change and log in without pause; whatever is refused fails the test."""

    client: GraphqlClient
    credentials: Json
    accepted: list[Json] = field(default_factory=list)
    calls: int = 0

    async def hand_in(self) -> None:
        """A ticket, a log, a changelog."""
        ticket = await documents.submit(self.client, documents.TRIAGE_TICKET, title="Under load", body="It is slow")
        log = await documents.submit(self.client, documents.SUMMARIZE_LOG, source="web-1", content=LOG)
        generated = await documents.submit(
            self.client, documents.GENERATE_CHANGELOG, project="web", release="1.0.1", commits=COMMITS
        )
        self.accepted += [ticket, log, generated]
        await self.client.execute(documents.TICKETS)

    async def sign_in(self) -> None:
        """What needs an answer of another service at once."""
        payload = (await GraphqlClient(self.client.url).execute(documents.LOG_IN, input=self.credentials))["login"]
        assert payload["userErrors"] == []

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """For as long as the body takes."""
        enough = asyncio.Event()

        async def again_and_again(step: str) -> None:
            while not enough.is_set():
                await getattr(self, step)()
                self.calls += 1
                await asyncio.sleep(0.15)

        async with asyncio.TaskGroup() as clients:
            for step in ("hand_in", "hand_in", "sign_in"):
                clients.create_task(again_and_again(step))
            try:
                yield
            finally:
                enough.set()

    async def goes_on(self) -> None:
        """Wait until more was done."""
        before = self.calls

        async def more() -> bool:
            return self.calls > before + 10

        await eventually(more, seconds=60)


def load_on(place: TwoColours, admin: GraphqlClient) -> Load:
    environment = place.stack.environment
    credentials = {"email": environment["ADMIN_EMAIL"], "password": environment["ADMIN_PASSWORD"]}
    return Load(GraphqlClient(f"http://127.0.0.1:{place.front.port}/graphql", admin.token), credentials)


async def go(place: TwoColours, to: Colour, plan: Plan = PLAN) -> list[str]:
    """Switch; what was said."""
    said: list[str] = []
    await asyncio.to_thread(switch, place, to, plan, said.append)
    return said


def turns(place: TwoColours, colour: Colour) -> set[str]:
    """``ok``, ``idle``, ``finishing``: what the processes of a colour say."""
    return {health(place, process).turn.partition(":")[0] for process in place.processes(colour)}


def triaged_by(place: TwoColours, colour: Colour) -> set[str]:
    """The ids of the tickets whose triage a process of the colour has traced."""
    file = place.stack.stack.layout.traces.with_name(f"triage-{colour}.jsonl")
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    spans = [json.loads(line) for line in lines if line.endswith("\n")]
    triaged = (span for span in spans if span["name"] == f"process {TICKET}")
    return {span["attributes"]["messaging.message.id"] for span in triaged}


async def refuses(place: TwoColours, to: Colour, why: str) -> None:
    with pytest.raises(Refused, match=why):
        await go(place, to)
    assert place.changes == []


async def refuses_a_gateway_that_fails_before_graphql(place: TwoColours) -> None:
    """One that is ready and counts no failure; the real one is there again afterwards."""
    await place.stack.kill("gateway-green")
    await asyncio.to_thread(place.start, GREEN, {"gateway": Path(broken_gateway.__file__)}, only=["gateway"])
    await eventually(lambda: _is_ready(place, "gateway-green"), seconds=90)
    await refuses(place, GREEN, "gateway-green answers POST /graphql with no data: Internal Server Error")
    await place.stack.kill("gateway-green")
    await asyncio.to_thread(place.start, GREEN, only=["gateway"])
    await place.ready(GREEN)


async def test_switched_and_back_under_load(stack: RunningStack, admin: GraphqlClient, ledger: Ledger) -> None:
    async with two_colours(stack) as place:
        load = load_on(place, admin)
        screen = Screen(Balancer(load.client))
        with running([screen]):
            async with load.flowing():
                await load.goes_on()
                await refuses(place, BLUE, "clients reach blue already")
                await refuses_a_gateway_that_fails_before_graphql(place)
                said = await go(place, GREEN)
                assert place.changes[:2] == ["gateway blue+green", "gateway green"]
                assert place.changes[-1] == "clients green"
                assert "green is well" in said[-1]
                assert (turns(place, BLUE), turns(place, GREEN)) == ({"idle"}, {"ok"})
                await load.goes_on()
                await go(place, BLUE)
                assert (turns(place, BLUE), turns(place, GREEN)) == ({"ok"}, {"idle"})
                await load.goes_on()
            balance = (await ledger.balance(load.accepted)).check()

            async def all_shown() -> bool:
                return {one["id"] for one in load.accepted if "title" in one} <= screen.shown.keys()

            # Whose connection was open stayed where it was, and missed nothing. Readers see it before subscribers.
            await eventually(all_shown)
            assert screen.connections == 1
        assert balance.counts == {"completed": len(load.accepted)}
        assert balance.letters == ()
        assert triaged_by(place, GREEN)
        assert triaged_by(place, BLUE)


async def test_a_release_that_fails_or_dies_is_taken_back_by_itself(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    async with two_colours(stack, {"triage": Path(broken_triage.__file__)}) as place:
        load, plan = load_on(place, admin), replace(PLAN, watch_seconds=60)
        async with load.flowing():
            with pytest.raises(TakenBack, match=r"deliveries of triage\.work failed; 5% are borne") as taken_back:
                await go(place, GREEN, plan)
            assert taken_back.value.left == []
            assert (place.changes[-6], place.changes[-1]) == ("clients blue", "gateway blue")
            assert turns(place, BLUE) == {"ok"}
            await load.goes_on()

            place.changes.clear()
            await asyncio.to_thread(place.start, GREEN, only=["triage"])
            await place.ready(GREEN)
            switching = asyncio.create_task(go(place, GREEN, plan))
            await eventually(lambda: _has_the_work(place), seconds=60)
            await stack.kill("triage-green")
            with pytest.raises(TakenBack, match="no process of triage is green"):
                await switching
            await load.goes_on()
            place.changes.clear()
            await refuses(place, GREEN, "no process of triage is green")
            # Who has no time decides without being asked.
            assert await asyncio.to_thread(back, place, BLUE, plan, lambda _: None) == []
            assert turns(place, BLUE) == {"ok"}
        balance = (await ledger.balance(load.accepted)).check()
        assert balance.counts == {"completed": len(load.accepted)}
        assert balance.letters == ()


async def _is_ready(place: TwoColours, name: str) -> bool:
    place.stack.stack.processes.check(name)
    readiness = await asyncio.to_thread(health, place, Process("gateway", name, GREEN))
    return readiness.turn.startswith("idle")


async def _has_the_work(place: TwoColours) -> bool:
    return "triage green" in place.changes
