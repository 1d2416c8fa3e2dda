"""What happens in each story of the table of spans, told with words that must not be seen in any span."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from uuid import uuid4

from aiops_local.services import LLM
from aiops_local.spans import Span
from e2e import documents
from e2e.conftest import PASSWORD
from support import triage_rows
from support.eventually import eventually
from support.graphql import GraphqlClient, Json, following, post
from support.jaeger import Jaeger
from support.sending import Raw, cloud_event, partner
from support.stack import RunningStack
from support.workers import ScriptedModel

WORD = "okapi"
"""Stands in everything that the stories let in: arguments, names of operations, aliases, headers, trace state."""
SAID = {
    "User-Agent": f"{WORD}-agent",
    "X-Note": f"{WORD}-header",
    "X-Request-Id": f"{WORD}-request",
    "tracestate": f"{WORD}=trace-state",
    "baggage": f"{WORD}=baggage",
}

TICKET = {"title": f"{WORD}-title", "body": f"{WORD}-body", "reporterEmail": f"{WORD}@example.org"}
LOG = {"source": f"{WORD}-source", "content": f"ERROR {WORD}-content\nERROR {WORD}-content\n"}
COMMITS = {"project": f"{WORD}-project", "commits": [{"message": f"feat: {WORD}-commit", "author": f"{WORD}-author"}]}


@dataclass(frozen=True, slots=True)
class Job:
    """Something to hand in: the mutation, what it answers with, its input, and the subscription that tells of it."""

    mutation: str
    entity: str
    values: Mapping[str, object]
    subscription: str


TRIAGE = Job("triageTicket", "ticket", TICKET, "ticketChanged")
SUMMARY = Job("summarizeLog", "logEntry", LOG, "logEntryChanged")
CHANGELOG = Job("generateChangelog", "changelog", COMMITS, "changelogChanged")


@dataclass(frozen=True, slots=True)
class Scene:
    """Where the stories take place; ``secrets`` are the passwords and tokens that were let in.

    Some need a ``model``: meanwhile triage asks it, waits for it while it is away, and tries a message once.
    """

    stack: RunningStack
    jaeger: Jaeger
    admin: GraphqlClient
    model: ScriptedModel
    secrets: set[str] = field(default_factory=set)


def own_span(name: str, kind: str) -> Span:
    """A span of somebody who is not of the project, the root of a trace."""
    now = time.time_ns()
    return Span(secrets.token_hex(16), secrets.token_hex(8), None, "", name, kind, now, now + 1_000_000, "UNSET")


def traceparent(span: Span) -> str:
    """As W3C's Trace Context writes it."""
    return f"00-{span.trace_id}-{span.span_id}-01"


async def asked(scene: Scene, client: GraphqlClient, query: str, **variables: object) -> tuple[Json, str]:
    """The answer to a request of somebody who traces too, and the id of the trace."""
    span = own_span("POST", "CLIENT")
    headers = {**SAID, "traceparent": traceparent(span)}
    answer = (await post(client, {"query": query, "variables": variables}, **headers)).json()
    await scene.jaeger.send("client", span)
    assert "errors" not in answer, answer
    data: Json = answer["data"]
    return data, span.trace_id


async def hand_in(client: GraphqlClient, job: Job, **values: object) -> Json:
    """What was accepted of somebody who does not trace. Each ticket is unlike the others."""
    if job is TRIAGE:
        values = {"title": f"{WORD}-{uuid4().hex[:8]}", **values}
    kind = f"{job.mutation[0].upper()}{job.mutation[1:]}Input!"
    query = f"""mutation {WORD}Operation($input: {kind}) {{ {WORD}Alias: {job.mutation}(input: $input) {{
        {job.entity} {{ {WORD}Id: id id state version traceId }} userErrors {{ code }}
    }} }}"""
    content = {"query": query, "operationName": f"{WORD}Operation", "variables": {"input": {**job.values, **values}}}
    answer = (await post(client, content, **SAID)).json()
    assert "errors" not in answer, answer
    accepted: Json = answer["data"][f"{WORD}Alias"][job.entity]
    return accepted


async def settled(client: GraphqlClient, job: Job, accepted: Json) -> Json:
    """The same, once the work on it is done; looked at, not subscribed to, which would leave spans in its trace."""

    async def look() -> Json | None:
        found: Json = (
            await client.execute(
                f"query($id: ID!) {{ {job.entity}(id: $id) {{ id state version }} }}", id=accepted["id"]
            )
        )[job.entity]
        return found if found["state"] == "SUCCEEDED" else None

    return await eventually(look, seconds=40)


async def watched(scene: Scene, job: Job) -> str:
    """A job while a subscription is open that is told of it."""
    watch = f"subscription {WORD}Watch {{ {WORD}Alias: {job.subscription} {{ id state }} }}"
    async with asyncio.timeout(60), aclosing(scene.admin.subscribe(watch)) as told:
        begun = asyncio.create_task(following(told))
        while not begun.done():
            # Nothing tells when a subscription has begun, so there is always another job to be told of.
            await hand_in(scene.admin, job)
            await asyncio.wait([begun], timeout=1)
        await begun
        accepted = await hand_in(scene.admin, job)
        await following(told, lambda one: one["id"] == accepted["id"] and one["state"] == "SUCCEEDED")
    return str(accepted["traceId"])


async def with_a_model(scene: Scene, job: Job) -> str:
    """A job that a language model improves."""
    await scene.model.play({"kind": "ok"})
    accepted = await hand_in(scene.admin, job)
    await settled(scene.admin, job, accepted)
    assert await scene.model.asked() >= 1  # how often exactly says the table
    return str(accepted["traceId"])


async def log_in(scene: Scene) -> str:
    """Somebody logs in."""
    email = f"{WORD}-{uuid4().hex[:8]}@example.com"
    account = {"email": email, "password": PASSWORD, "displayName": f"{WORD}-name"}
    await scene.stack.visitor.execute(documents.SIGN_UP, input=account)
    data, trace_id = await asked(
        scene, scene.stack.visitor, documents.LOG_IN, input={"email": email, "password": PASSWORD}
    )
    scene.secrets.update((PASSWORD, data["login"]["tokens"]["accessToken"], data["login"]["tokens"]["refreshToken"]))
    return trace_id


async def change_status(scene: Scene) -> str:
    """Somebody changes a ticket, and is answered by triage."""
    ticket = await settled(scene.admin, TRIAGE, await hand_in(scene.admin, TRIAGE))
    change = {"ticketId": ticket["id"], "status": "IN_PROGRESS"}
    return await decide(scene, "updateTicketStatus", documents.UPDATE_TICKET_STATUS, ticket, **change)


async def correct(scene: Scene) -> str:
    """Somebody corrects what triage decided, and says why."""
    ticket = await settled(scene.admin, TRIAGE, await hand_in(scene.admin, TRIAGE))
    change = {"ticketId": ticket["id"], "category": "HR", "comment": f"{WORD}-comment"}
    return await decide(scene, "correctTriage", documents.CORRECT_TRIAGE, ticket, **change)


async def edit(scene: Scene) -> str:
    """Somebody edits a draft."""
    draft = await settled(scene.admin, CHANGELOG, await hand_in(scene.admin, CHANGELOG))
    change = {"changelogId": draft["id"], "release": f"{WORD}-release", "summary": f"{WORD}-summary"}
    return await decide(scene, "editChangelog", documents.EDIT_CHANGELOG, draft, **change)


async def approve(scene: Scene) -> str:
    """Somebody approves a draft."""
    draft = await settled(scene.admin, CHANGELOG, await hand_in(scene.admin, CHANGELOG))
    return await decide(scene, "approveChangelog", documents.APPROVE_CHANGELOG, draft, changelogId=draft["id"])


async def set_flag(scene: Scene) -> str:
    """Somebody makes a feature flag, of which every service is told."""
    key = f"shop.{''.join(secrets.choice('abcdef') for _ in range(12))}"
    flag = {"key": key, "value": f"{WORD}-value", "description": f"{WORD}-description", "expectedVersion": 0}
    data, trace_id = await asked(scene, scene.admin, documents.SET_FEATURE_FLAG, input=flag)
    assert data["setFeatureFlag"]["userErrors"] == []
    return trace_id


async def decide(scene: Scene, mutation: str, document: str, entity: Json, **change: object) -> str:
    """The trace of a decision about an entity as it is."""
    asks = {**change, "expectedVersion": entity["version"]}
    data, trace_id = await asked(scene, scene.admin, document, input=asks)
    assert data[mutation]["userErrors"] == []
    return trace_id


async def retry(scene: Scene) -> str:
    """Storing the result fails once; what comes of it after a while is seen in the trace."""
    title = f"{WORD}-{uuid4().hex[:8]}"
    async with triage_rows.refusing(scene.stack, title):
        accepted = await hand_in(scene.admin, TRIAGE, title=title)
        await eventually(lambda: holds(scene, "triage.retry.5s"))
    return str(accepted["traceId"])


async def holds(scene: Scene, queue: str) -> bool:
    """Whether something is in the queue."""
    return (await scene.stack.lengths(queue))[queue] > 0


async def dead_letter(scene: Scene) -> str:
    """Storing the result fails, and there is but one attempt."""
    await scene.model.play({"kind": "ok"})
    title = f"{WORD}-{uuid4().hex[:8]}"
    async with triage_rows.refusing(scene.stack, title):
        accepted = await hand_in(scene.admin, TRIAGE, title=title)
        await eventually(lambda: holds(scene, "triage.dead"))
    return str(accepted["traceId"])


async def replay(scene: Scene) -> str:
    """The dead letter that there is goes back, and is processed."""
    letters = (await scene.admin.execute(documents.DEAD_LETTERS, queue="triage.dead"))["deadLetters"]["nodes"]
    ids = [letter["id"] for letter in letters]
    data, trace_id = await asked(
        scene, scene.admin, documents.REPLAY_DEAD_LETTERS, input={"queue": "triage.dead", "ids": ids}
    )
    assert data["replayDeadLetters"]["replayed"] == 1
    return trace_id


async def partners_publish(scene: Scene) -> str:
    """A partner that traces too publishes onto the broker."""
    span = own_span("send", "PRODUCER")
    await scene.jaeger.send("acme", span)
    body = cloud_event(f"{WORD}-title", source=f"{WORD}/source", subject=f"{WORD}-subject")
    headers = {"traceparent": traceparent(span), "x-note": f"{WORD}-header"}
    headers |= {name: SAID[name] for name in ("tracestate", "baggage")}
    await partner(scene.stack).send(Raw(body, {"headers": headers, "app_id": WORD, "reply_to": WORD}))
    return span.trace_id


async def deferral(scene: Scene) -> str:
    """The model is away, and the work waits for it."""
    await asyncio.to_thread(scene.stack.stack.processes.stop, LLM)
    accepted = await hand_in(scene.admin, TRIAGE)
    await eventually(lambda: holds(scene, "triage.retry.5s"))
    await scene.stack.serve(scripted_llm=True)
    await settled(scene.admin, TRIAGE, accepted)
    return str(accepted["traceId"])


async def query(scene: Scene) -> str:
    """Somebody reads."""
    ticket = await hand_in(scene.admin, TRIAGE)
    one = f"query {WORD}Operation($id: ID!) {{ {WORD}Alias: ticket(id: $id) {{ id }} }}"
    return (await asked(scene, scene.admin, one, id=ticket["id"]))[1]


async def query_over_websocket(scene: Scene) -> str:
    """Somebody reads over WebSocket; nobody knows the trace, so it is looked for."""
    before = await scene.jaeger.roots("aiops-gateway", "query changelogs")
    one = f"query {WORD}Operation($first: Int) {{ {WORD}Alias: changelogs(first: $first) {{ totalCount }} }}"
    async with asyncio.timeout(30), aclosing(scene.admin.subscribe(one, first=1)) as answers:
        await anext(answers)

    async def look() -> list[str]:
        found = await scene.jaeger.roots("aiops-gateway", "query changelogs")
        return [trace_id for trace_id in found if trace_id not in before]

    return (await eventually(look))[0]


Story = Callable[[Scene], Awaitable[str]]

TOLD: dict[str, Story] = {
    "a retry": retry,  # first, as it waits for a while, in which the others are told
    "triageTicket": lambda scene: watched(scene, TRIAGE),
    "summarizeLog": lambda scene: watched(scene, SUMMARY),
    "generateChangelog": lambda scene: watched(scene, CHANGELOG),
    "login": log_in,
    "updateTicketStatus": change_status,
    "correctTriage": correct,
    "editChangelog": edit,
    "approveChangelog": approve,
    "setFeatureFlag": set_flag,
    "a partner's publish": partners_publish,
    "a query": query,
    "a query over WebSocket": query_over_websocket,
}
"""Each story of the table, as what makes it happen and gives the id of its trace."""
TOLD_WITH_A_MODEL: dict[str, Story] = {
    "triageTicket with a model": lambda scene: with_a_model(scene, TRIAGE),
    "summarizeLog with a model": lambda scene: with_a_model(scene, SUMMARY),
    "generateChangelog with a model": lambda scene: with_a_model(scene, CHANGELOG),
    "a dead letter": dead_letter,
    "its replay": replay,
    "a deferred message": deferral,
}
