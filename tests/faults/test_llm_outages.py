"""A language model that is away: it is left alone for as long as it asked, or until the breaker lets one probe in."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from aiops_gateway.graphql.ids import to_global_id
from e2e import documents
from support.engines import TICKET, asking, breaker_state, finished, provenance, until_the_model_answers
from support.graphql import GraphqlClient, Json
from support.handing_in import hand_in, ids_of
from support.ledger import Ledger
from support.stack import RunningStack
from support.workers import TRIAGE, ScriptedModel

pytestmark = pytest.mark.timeout(300)  # starting the stack for the first of them included

FAILURES = 3
RESET_SECONDS = 10
TIMEOUT_SECONDS = 5
RETRY_AFTER_SECONDS = 4
WAITERS = 50

CLOSED, OPEN = 0, 2


@pytest.fixture(scope="module")
async def running(stack: RunningStack) -> AsyncIterator[ScriptedModel]:
    settings = {
        "LLM_BREAKER_FAILURES": str(FAILURES),
        "LLM_BREAKER_RESET_SECONDS": str(RESET_SECONDS),
        "LLM_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
    }
    async with asking(stack, TRIAGE, **settings) as model:
        yield model


@pytest.fixture
async def model(admin: GraphqlClient, running: ScriptedModel) -> ScriptedModel:
    """A model that answers, behind a closed breaker."""
    await until_the_model_answers(admin, running)
    return running


async def triaged(client: GraphqlClient) -> Json:
    """A ticket that was handed in and triaged."""
    return await documents.triaged(client, **TICKET)


async def test_500s_until_the_breaker_opens_then_no_request(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger, model: ScriptedModel
) -> None:
    assert await breaker_state(stack, TRIAGE) == ("127.0.0.1", "scripted", CLOSED)
    await model.play({"kind": "status", "status": 500})
    tickets = [await triaged(admin) for _ in range(FAILURES)]
    assert await breaker_state(stack, TRIAGE) == ("127.0.0.1", "scripted", OPEN)
    tickets += await finished(admin, await hand_in(admin, "While it is open", 10))
    assert await model.asked() == FAILURES
    reasons = [provenance(ticket)["degradedReason"] for ticket in tickets]
    assert reasons == ["server error"] * FAILURES + ["circuit open"] * 10
    assert {provenance(ticket)["engine"] for ticket in tickets} == {"BUILTIN"}
    assert (await ledger.balance(tickets)).check().counts == {"completed": FAILURES + 10}
    await until_the_model_answers(admin, model)
    assert await breaker_state(stack, TRIAGE) == ("127.0.0.1", "scripted", CLOSED)


async def test_429_with_retry_after(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger, model: ScriptedModel
) -> None:
    await model.play({"kind": "status", "status": 429, "retry_after": str(RETRY_AFTER_SECONDS)}, {"kind": "ok"})
    before = time.monotonic()  # the answer with Retry-After comes later, so until then plus its seconds nobody may ask
    tickets = [await triaged(admin)]
    assert await breaker_state(stack, TRIAGE) == ("127.0.0.1", "scripted", OPEN)
    asked = await model.asked()
    while time.monotonic() < before + RETRY_AFTER_SECONDS:
        assert asked == 1
        tickets.append(await triaged(admin))
        asked = await model.asked()
    while provenance(tickets[-1])["engine"] != "LLM":
        assert time.monotonic() < before + 60
        tickets.append(await triaged(admin))
    reasons = [provenance(ticket)["degradedReason"] for ticket in tickets]
    assert reasons == ["rate limited", *["circuit open"] * (len(tickets) - 2), None]
    assert await model.asked() == 2
    assert (await ledger.balance(tickets)).check().counts == {"completed": len(tickets)}


async def test_fifty_waiters_at_half_open_make_one_probe(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger, model: ScriptedModel
) -> None:
    await model.play({"kind": "status", "status": 429, "retry_after": "1"})
    first = await triaged(admin)
    assert provenance(first)["degradedReason"] == "rate limited"
    await asyncio.sleep(1)  # that the time is over shows nowhere: only the next to ask is the probe
    # The probe fails in the end: those who come so late that it is over find the breaker open for another while.
    await model.play({"kind": "delay", "seconds": 60})
    waiting = await hand_in(admin, "At half-open", WAITERS)
    assert (await ledger.balance(waiting)).check().counts == {"completed": WAITERS}
    found = [
        (await admin.execute(documents.GET_TICKET, id=to_global_id("Ticket", one)))["ticket"] for one in ids_of(waiting)
    ]
    reasons = Counter(provenance(ticket)["degradedReason"] for ticket in found)
    assert reasons == {"timeout": 1, "circuit open": WAITERS - 1}
    assert await model.asked() == 1
