"""A kill switch is thrown while the model answers, and holds while the gateway is away."""

import json
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from e2e import documents
from support.engines import asking, finished, one_of_each, provenance
from support.eventually import eventually
from support.graphql import GraphqlClient, Json
from support.sending import cloud_event, partner
from support.stack import RunningStack
from support.triage_rows import database
from support.workers import ScriptedModel

ENGINES = ("summarizer", "triage", "changelog")
ALL_TICKETS = {"TRIAGE_LLM_FOR": "all"}
EVENT = "feature_flag.evaluation"


@pytest.fixture(scope="module")
async def model(stack: RunningStack) -> AsyncIterator[ScriptedModel]:
    async with asking(stack, *ENGINES) as scripted:
        yield scripted


@pytest.fixture(autouse=True)
async def as_they_were(admin: GraphqlClient, model: ScriptedModel) -> AsyncIterator[None]:
    """The model answers before a test, and every switch is on after it."""
    await model.play({"kind": "ok"})
    yield
    for engine in ENGINES:
        await set_flag(admin, f"{engine}.llm", enabled=True, percentage=100)
    await until_results_are(admin, "LLM")


async def flags(client: GraphqlClient) -> dict[str, Json]:
    return {flag["key"]: flag for flag in (await client.execute(documents.FEATURE_FLAGS))["featureFlags"]["nodes"]}


async def set_flag(client: GraphqlClient, key: str, **values: object) -> Json:
    known = (await flags(client)).get(key)
    version = known["version"] if known else 0
    return await documents.submit(client, documents.SET_FEATURE_FLAG, key=key, expectedVersion=version, **values)


async def results(client: GraphqlClient) -> list[Json]:
    """The provenance of a result of each engine."""
    return [provenance(one) for one in await finished(client, await one_of_each(client))]


async def until_results_are(client: GraphqlClient, engine: str) -> None:
    async def look() -> bool:
        return {one["engine"] for one in await results(client)} == {engine}

    await eventually(look)


async def test_a_thrown_switch_leaves_the_next_results_to_the_engine_and_nothing_is_degraded(
    admin: GraphqlClient, model: ScriptedModel
) -> None:
    assert [one["engine"] for one in await results(admin)] == ["LLM"] * 3
    for engine in ENGINES:
        assert (await set_flag(admin, f"{engine}.llm", enabled=False))["enabled"] is False
    await until_results_are(admin, "BUILTIN")
    await model.play({"kind": "ok"})
    for one in await results(admin):
        assert (one["engine"], one["degraded"], one["degradedReason"]) == ("BUILTIN", False, None)
    assert await model.asked() == 0


async def test_a_switch_is_for_one_service_alone_and_goes_back_as_it_came(admin: GraphqlClient) -> None:
    before = (await flags(admin))["triage.llm"]
    await set_flag(admin, "triage.llm", enabled=False)

    async def look() -> bool:
        return [one["engine"] for one in await results(admin)] == ["LLM", "BUILTIN", "LLM"]

    await eventually(look)
    again = await set_flag(admin, "triage.llm", enabled=True)
    assert again["version"] == before["version"] + 2
    await until_results_are(admin, "LLM")


async def test_who_a_flag_names_and_in_which_role_is_told_to_the_service(
    admin: GraphqlClient, people: dict[str, GraphqlClient]
) -> None:
    me = (await people["OPS"].execute(documents.ME))["me"]

    async def engines() -> tuple[str, str]:
        asked = await documents.triaged(people["HR"], title="For HR", body="b")
        named = await documents.triaged(people["OPS"], title="For OPS", body="b")
        return provenance_of(asked), provenance_of(named)

    for how in ({"allowList": [me["id"]], "roles": []}, {"allowList": [], "roles": ["OPS"]}):
        await set_flag(admin, "triage.llm", percentage=0, **how)

        async def look() -> bool:
            return await engines() == ("BUILTIN", "LLM")

        await eventually(look)
        await set_flag(admin, "triage.llm", percentage=100, allowList=[], roles=[])


def provenance_of(ticket: Json) -> str:
    return str(ticket["triage"]["provenance"]["engine"])


async def test_while_the_gateway_is_away_the_last_value_holds_also_for_a_service_that_restarts(
    stack: RunningStack, admin: GraphqlClient, model: ScriptedModel
) -> None:
    await set_flag(admin, "triage.llm", enabled=False)

    async def look() -> bool:
        return provenance_of(await documents.triaged(admin, title="Printer", body="b")) == "BUILTIN"

    await eventually(look)
    await stack.kill("gateway")
    try:
        await stack.serve("triage", scripted_llm=True, environment=ALL_TICKETS)
        await model.play({"kind": "ok"})
        ids = [uuid4() for _ in range(5)]
        await partner(stack).send(*(cloud_event("VPN is down", identity=one) for one in ids))
        assert await eventually(lambda: engines_of(stack, ids)) == ["BUILTIN"] * 5
        assert await model.asked() == 0
    finally:
        await stack.serve("gateway")


async def engines_of(stack: RunningStack, ids: list[UUID]) -> list[str]:
    """What made the tickets, as triage's own table says; empty until all are there."""
    async with database(stack) as connection:
        rows = await connection.fetch("SELECT triage FROM triage.tickets WHERE id = ANY($1::uuid[])", ids)
    made = [json.loads(row["triage"])["provenance"]["engine"] for row in rows if row["triage"]]
    return made if len(made) == len(ids) else []


async def test_the_trace_of_a_ticket_says_what_the_flags_decided(stack: RunningStack, admin: GraphqlClient) -> None:
    ticket = await documents.triaged(admin, title="Switch", body="Is it on?")

    async def look() -> list[Json]:
        found = [span for span in stack.spans() if span["trace_id"] == ticket["traceId"]]
        events = [event for span in found if span["name"].startswith("process triage") for event in span["events"]]
        return [event["attributes"] for event in events if event["name"] == EVENT]

    told = await eventually(look)
    assert [event["feature_flag.key"] for event in told] == ["triage.llm"]
    assert told[0]["feature_flag.result.variant"] == "on"
    assert told[0]["feature_flag.provider.name"] == "aiops"


async def test_every_service_is_told_of_a_change(stack: RunningStack, admin: GraphqlClient) -> None:
    made = await set_flag(admin, f"shop.x{uuid4().hex}", value="x", percentage=5)

    async def everywhere() -> bool:
        async with database(stack) as connection:
            known = [
                await connection.fetchval(f"SELECT version FROM {name}.feature_flags WHERE key = $1", made["key"])
                for name in ("gateway", "summarizer", "triage", "changelog", "auth")
            ]
        return known == [1] * 5

    await eventually(everywhere)
    record = (await admin.execute(documents.AUDIT_LOG, filter={"action": "setFeatureFlag"}, first=1))["auditLog"]
    assert (record["nodes"][0]["outcome"], record["nodes"][0]["details"]["flag"]) == ("OK", made["key"])
