"""With a language model: its answers are marked as such, and without it the built-in engine answers."""

from collections.abc import AsyncIterator

import httpx
import pytest

from e2e import documents
from support.graphql import GraphqlClient, Json
from support.stack import RunningStack

ENGINES = ("summarizer", "triage", "changelog")


@pytest.fixture(scope="module")
async def model(stack: RunningStack) -> AsyncIterator[httpx.AsyncClient]:
    """The scripted model, asked by all engines while these tests run."""
    await stack.serve(*ENGINES, scripted_llm=True, environment={"TRIAGE_LLM_FOR": "all"})
    port = stack.stack.services.ports["llm"]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False) as http:
        yield http
    await stack.serve(*ENGINES)


async def play(model: httpx.AsyncClient, *steps: Json) -> None:
    (await model.post("/script", json={"steps": steps})).raise_for_status()
    (await model.delete("/requests")).raise_for_status()


async def results(client: GraphqlClient) -> list[Json]:
    """The provenance of a result of each engine."""
    log = await documents.submit(client, documents.SUMMARIZE_LOG, source="shop", content="ERROR disk full\nERROR x")
    ticket = await documents.submit(client, documents.TRIAGE_TICKET, title="Printer", body="Mail me: pia@example.com")
    commits = [{"message": "feat: paging"}, {"message": "fix: totals"}]
    changelog = await documents.submit(client, documents.GENERATE_CHANGELOG, project="shop", commits=commits)
    entry = await documents.settled(client, documents.WATCH_LOG_ENTRY, log)
    triaged = await documents.settled(client, documents.WATCH_TICKET, ticket)
    drafted = await documents.settled(client, documents.WATCH_CHANGELOG, changelog)
    return [entry["summary"]["provenance"], triaged["triage"]["provenance"], drafted["provenance"]]


async def test_an_answer_of_the_model_says_so(admin: GraphqlClient, model: httpx.AsyncClient) -> None:
    await play(model, {"kind": "ok"})
    for provenance in await results(admin):
        assert (provenance["engine"], provenance["degraded"], provenance["model"]) == ("LLM", False, "scripted")
        assert provenance["promptVersion"]
        assert provenance["inputTokens"] > 0
        assert provenance["outputTokens"] > 0
    asked = (await model.get("/requests")).json()
    assert asked["count"] == 4  # of a changelog the entries and the notes
    assert "pia@example.com" not in str(asked)


async def test_without_the_model_the_built_in_engine_answers_and_says_why(
    admin: GraphqlClient, model: httpx.AsyncClient
) -> None:
    await play(model, {"kind": "status", "status": 500})
    for provenance in await results(admin):
        assert (provenance["engine"], provenance["degraded"]) == ("BUILTIN", True)
        assert provenance["degradedReason"] == "server error"
    await play(model, {"kind": "ok"})
    assert [provenance["engine"] for provenance in await results(admin)] == ["LLM"] * 3
