"""What language models were asked, as administrators read it: nothing personal in it, and nobody else gets it."""

from collections.abc import AsyncIterator

import pytest

from aiops_local.services import ENGINES
from e2e import documents
from support.engines import asking
from support.eventually import eventually
from support.graphql import GraphqlClient, Json, code_of
from support.stack import RunningStack
from support.workers import ScriptedModel

SECRET = "pia.mueller@example.com"
OPERATIONS = {"summarize": "logEntry", "triage": "ticket", "changelog": "changelog"}


@pytest.fixture(scope="module")
async def model(stack: RunningStack) -> AsyncIterator[ScriptedModel]:
    """The scripted model, asked by all engines while these tests run."""
    async with asking(stack, *ENGINES) as model:
        yield model


@pytest.fixture(scope="module")
async def asked(admin: GraphqlClient, model: ScriptedModel) -> dict[str, Json]:
    """One piece of work of each kind for which the model was asked, by the operation."""
    await model.play({"kind": "ok"})
    content = f"ERROR disk full of {SECRET}\nERROR payment 17 failed\n"
    log = await documents.submit(admin, documents.SUMMARIZE_LOG, source="runs", content=content)
    body = f"All customers lost their data, call {SECRET}. Production is down!"
    ticket = await documents.submit(admin, documents.TRIAGE_TICKET, title="Checkout down, security breach", body=body)
    commits = [{"message": f"feat: paging for {SECRET}"}, {"message": "fix: totals"}]
    changelog = await documents.submit(admin, documents.GENERATE_CHANGELOG, project="runs", commits=commits)
    return {
        "summarize": await documents.settled(admin, documents.WATCH_LOG_ENTRY, log),
        "triage": await documents.settled(admin, documents.WATCH_TICKET, ticket),
        "changelog": await documents.settled(admin, documents.WATCH_CHANGELOG, changelog),
    }


async def runs(admin: GraphqlClient, **condition: object) -> list[Json]:
    answer = await admin.execute(documents.LLM_RUNS, first=100, filter=condition)
    nodes: list[Json] = answer["llmRuns"]["nodes"]
    return nodes


async def told(admin: GraphqlClient, **condition: object) -> list[Json]:
    """The runs that meet the condition, once there are any."""

    async def look() -> list[Json]:
        return await runs(admin, **condition)

    return await eventually(look)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_each_question_is_told_with_its_answer(
    admin: GraphqlClient, asked: dict[str, Json], operation: str
) -> None:
    found = await told(admin, subject=asked[operation]["id"])
    for run in found:
        assert (run["operation"], run["subject"]) == (operation, asked[operation]["id"])
        assert (run["model"], run["outcome"]) == ("scripted", "answered")
        assert run["template"]
        assert run["step"]
        assert run["input"]
        assert run["output"]
        assert min(run["inputTokens"], run["outputTokens"]) > 0
        assert run["durationMs"] >= 0
        assert run["traceId"] == asked[operation]["traceId"]
        assert SECRET not in str(run)
    assert {run["id"] for run in found} <= {run["id"] for run in await runs(admin, operation=operation)}


async def test_a_run_is_found_by_its_id_by_administrators_alone(
    people: dict[str, GraphqlClient], asked: dict[str, Json]
) -> None:
    (run, *_) = await told(people["ADMIN"], subject=asked["triage"]["id"])
    node = "query($id: ID!) { node(id: $id) { id ... on LlmRun { operation input output } } }"
    wanted = {name: run[name] for name in ("id", "operation", "input", "output")}
    assert (await people["ADMIN"].execute(node, id=run["id"]))["node"] == wanted
    for role in ("OPS", "HR", "VIEWER"):
        assert (await people[role].execute(node, id=run["id"]))["node"] is None
        assert await code_of(people[role], documents.LLM_RUNS) == "FORBIDDEN"


async def test_a_failure_says_why_its_answer_was_not_used(admin: GraphqlClient, model: ScriptedModel) -> None:
    await model.play({"kind": "status", "status": 400})
    log = await documents.submit(admin, documents.SUMMARIZE_LOG, source="runs", content="ERROR one\nERROR two\n")
    entry = await documents.settled(admin, documents.WATCH_LOG_ENTRY, log)
    assert entry["summary"]["provenance"]["degraded"] is True
    (run, *_) = await told(admin, subject=entry["id"])
    assert run["outcome"] not in ("", "answered")
    assert run["output"] is None
    assert run["id"] in {one["id"] for one in await runs(admin, outcome=run["outcome"])}
    await model.play({"kind": "ok"})


async def test_pages_lead_through_all_of_it(admin: GraphqlClient, asked: dict[str, Json]) -> None:
    for entity in asked.values():
        await told(admin, subject=entity["id"])
    seen, after, more = list[str](), None, True
    while more:
        page = (await admin.execute(documents.LLM_RUNS, first=2, after=after, filter={"model": "scripted"}))["llmRuns"]
        seen += [node["id"] for node in page["nodes"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert len(seen) == len(set(seen)) == page["totalCount"] >= 3


async def test_reading_is_on_record(admin: GraphqlClient, asked: dict[str, Json]) -> None:
    await runs(admin, subject=asked["triage"]["id"], outcome="a word of mine")
    answer = await admin.execute(documents.AUDIT_LOG, first=1, filter={"action": "llmRuns", "outcome": "READ"})
    (record,) = answer["auditLog"]["nodes"]
    assert record["details"]["filtered_by"] == ["outcome"]
    assert record["details"]["rows"] == 0
    assert "a word of mine" not in str(record)
