"""The services that ask a language model, with a scripted one to ask, and what came of the work they were given."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import httpx

from aiops_local.services import LLM
from e2e import documents
from support.eventually import eventually
from support.graphql import GraphqlClient, Json
from support.stack import RunningStack
from support.workers import ScriptedModel

TICKET = {"title": "VPN is down", "body": "Nobody in Berlin can connect since nine."}
LOG = {"source": "shop", "content": "ERROR disk full on /var\nERROR payment refused\nINFO done\n"}
CHANGELOG = {"project": "shop", "commits": [{"message": "feat: paging"}, {"message": "fix: totals"}]}

_STATE = re.compile(r'^aiops_llm_breaker_state\{model="([^"]*)",provider="([^"]*)"\} (\S+)$', re.MULTILINE)


@asynccontextmanager
async def asking(stack: RunningStack, *services: str, **environment: str) -> AsyncIterator[ScriptedModel]:
    """The scripted model, asked by ``services`` with these settings; afterwards they run as usual, without one.

    It is asked about every ticket, unless the settings say otherwise.
    """
    try:
        await stack.serve(*services, scripted_llm=True, environment={"TRIAGE_LLM_FOR": "all", **environment})
        yield ScriptedModel(f"http://127.0.0.1:{stack.stack.services.ports[LLM]}")
    finally:
        await stack.serve(*services)
        await asyncio.to_thread(stack.stack.processes.stop, LLM)


async def one_of_each(client: GraphqlClient) -> list[Json]:
    """A log, a ticket and commits, as they were accepted."""
    return [
        await documents.submit(client, documents.SUMMARIZE_LOG, **LOG),
        await documents.submit(client, documents.TRIAGE_TICKET, **TICKET),
        await documents.submit(client, documents.GENERATE_CHANGELOG, **CHANGELOG),
    ]


async def finished(client: GraphqlClient, accepted: Iterable[Json]) -> list[Json]:
    """The same entities, once all work on them is done."""
    return list(await asyncio.gather(*(documents.settled(client, _watch(one), one) for one in accepted)))


def _watch(entity: Json) -> str:
    if "project" in entity:
        return documents.WATCH_CHANGELOG
    return documents.WATCH_LOG_ENTRY if "lineCount" in entity else documents.WATCH_TICKET


def provenance(entity: Json) -> Json:
    """How a finished entity's result came to be."""
    result = entity if "project" in entity else entity["summary"] if "lineCount" in entity else entity["triage"]
    found: Json = result["provenance"]
    return found


async def requests(model: ScriptedModel) -> list[Json]:
    """The bodies of the requests that reached the model since its script began, in order."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        bodies: list[Json] = (await http.get(f"{model.url}/requests")).json()["requests"]
        return bodies


async def breaker_state(stack: RunningStack, service: str) -> tuple[str, str, float]:
    """Provider, model and state (0 closed, 1 half-open, 2 open) as the service's /metrics tells them."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        told = (await http.get(f"{stack.stack.services.url(service)}/metrics")).text
    found = _STATE.findall(told)
    assert len(found) == 1, f"{service} tells the state of {len(found)} breakers"
    ((model, provider, state),) = found
    return provider, model, float(state)


async def until_the_model_answers(client: GraphqlClient, model: ScriptedModel) -> None:
    """Let the model answer, and wait until triage's breaker has noticed."""
    await model.play({"kind": "ok"})

    async def answers() -> bool:
        (ticket,) = await finished(client, [await documents.submit(client, documents.TRIAGE_TICKET, **TICKET)])
        return bool(provenance(ticket)["engine"] == "LLM")

    await eventually(answers, seconds=60, every=0.5)
