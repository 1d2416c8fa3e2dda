"""Whatever the language model does with one question, the user gets the built-in result and is told why."""

from collections.abc import AsyncIterator

import pytest

from aiops_local.services import ENGINES
from e2e import documents
from support.engines import TICKET, asking, finished, one_of_each, provenance, requests
from support.graphql import GraphqlClient, Json
from support.ledger import Ledger
from support.stack import RunningStack
from support.workers import ScriptedModel

pytestmark = pytest.mark.timeout(300)  # starting the stack for the first of them included

TIMEOUT = "3"

FAILURES: dict[str, tuple[Json, str, int]] = {
    "timeout": ({"kind": "delay", "seconds": 60}, "timeout", 1),
    # Each byte comes in time, the whole would take half a minute and more.
    "slow drip": ({"kind": "drip", "interval": 0.1}, "timeout", 1),
    "rate limited": ({"kind": "status", "status": 429}, "rate limited", 1),
    "server error": ({"kind": "status", "status": 503}, "server error", 1),
    "wrong key": ({"kind": "status", "status": 401}, "not authorized", 1),
    "garbage": ({"kind": "garbage"}, "invalid answer", 1),
    "a page": ({"kind": "html"}, "invalid answer", 1),
    "no choices": ({"kind": "empty"}, "invalid answer", 1),
    "truncated JSON": ({"kind": "truncated"}, "invalid answer", 2),
    "wrong schema": ({"kind": "wrong_schema"}, "invalid answer", 2),
    "fields nobody asked for": ({"kind": "invented"}, "invalid answer", 2),
    "refusal": ({"kind": "refusal"}, "refused", 1),
    "length stop": ({"kind": "length"}, "answer cut off", 1),
}
"""What the model does, what the user is told, and how many requests one question makes."""

AWAY = frozenset(("timeout", "rate limited", "server error"))
"""A model that is away is not asked for the notes of a changelog when it did not answer about its entries."""


@pytest.fixture(scope="module")
async def model(stack: RunningStack) -> AsyncIterator[ScriptedModel]:
    # The breaker has tests of its own: here it is to stay closed.
    async with asking(stack, *ENGINES, LLM_TIMEOUT_SECONDS=TIMEOUT, LLM_BREAKER_FAILURES="1000") as running:
        yield running


@pytest.mark.parametrize("failure", FAILURES)
async def test_the_built_in_result_with_a_reason(
    admin: GraphqlClient, ledger: Ledger, model: ScriptedModel, failure: str
) -> None:
    step, reason, asked = FAILURES[failure]
    await model.play(step)
    accepted = await one_of_each(admin)
    balance = (await ledger.balance(accepted)).check()
    assert balance.counts == {"completed": 3}
    for entity in await finished(admin, accepted):
        told = provenance(entity)
        assert (told["engine"], told["degraded"], told["degradedReason"]) == ("BUILTIN", True, reason)
        assert told["model"] is None
    assert await model.asked() == (3 if reason in AWAY else 4) * asked


@pytest.mark.parametrize("kind", ["truncated", "wrong_schema", "invented"])
async def test_one_answer_that_breaks_its_schema_is_repaired(
    admin: GraphqlClient, ledger: Ledger, model: ScriptedModel, kind: str
) -> None:
    await model.play({"kind": kind}, {"kind": "ok"})
    ticket = await documents.submit(admin, documents.TRIAGE_TICKET, **TICKET)
    assert (await ledger.balance([ticket])).check().counts == {"completed": 1}
    told = provenance((await finished(admin, [ticket]))[0])
    assert (told["engine"], told["degraded"]) == ("LLM", False)
    first, second = await requests(model)
    assert second["messages"][: len(first["messages"])] == first["messages"]
    assert "does not match the schema" in second["messages"][-1]["content"]
