"""Personal data and secrets are let in at every door, and nothing of it is seen behind any."""

import json
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr

from aiops_common.sealing import Keyring
from e2e import documents
from support.canaries import CANARIES, HEADERS, LINES, TEXT
from support.engines import asking, requests
from support.eventually import eventually
from support.graphql import GraphqlClient, Json, post
from support.queues import purge
from support.sending import TICKET, Raw, Sender, cloud_event, partner
from support.stack import RunningStack
from support.whereabouts import (
    Place,
    cells,
    dead_letters_on_the_command_line,
    files,
    metrics,
    sightings,
    spans_have_left,
    traces,
)
from support.workers import ScriptedModel

pytestmark = pytest.mark.timeout(400)  # starting the stack for the first of them included

ENGINES = ("summarizer", "triage", "changelog")
DEAD = ("triage.dead", "summarizer.dead")
MAIL = CANARIES["e-mail"]
SUMMARIZE = "summarizer.summarize_log.v1"
PARTNERS_LOG = "of-the-partner"


@pytest.fixture(scope="module")
async def model(stack: RunningStack) -> AsyncIterator[ScriptedModel]:
    """The scripted model, asked by all engines."""
    async with asking(stack, *ENGINES, OPENAI_API_KEY=CANARIES["model key"]) as model:
        await model.play({"kind": "ok"})
        yield model


@pytest.fixture(scope="module")
async def let_in(stack: RunningStack, admin: GraphqlClient, model: ScriptedModel) -> AsyncIterator[list[Place]]:
    """Canaries at every door; what clients were answered."""
    await purge(stack.amqp_url, *DEAD)
    answers = [*await through_the_api(admin), *await through_requests_that_fail(stack, admin)]
    await through_the_broker(partner(stack), admin)
    await eventually(lambda: lengths(stack))
    yield [(f"answer {number}", str(answer).encode()) for number, answer in enumerate(answers)]
    await purge(stack.amqp_url, *DEAD)


async def lengths(stack: RunningStack) -> bool:
    return await stack.lengths(*DEAD) == {"triage.dead": 3, "summarizer.dead": 1}


async def through_the_api(client: GraphqlClient) -> list[Json]:
    commits = [
        {"message": f"fix: {line}\n\n{line}", "author": f"Carla <{MAIL}>", "paths": [f"src/{MAIL}.py"]}
        for line in LINES
    ]
    entries = [
        {"section": "FIXED", "text": line, "scope": MAIL, "authors": [f"Carla <{MAIL}>"], "references": [MAIL]}
        for line in LINES
    ]
    log, ticket, changelog = (
        (documents.SUMMARIZE_LOG, documents.WATCH_LOG_ENTRY),
        (documents.TRIAGE_TICKET, documents.WATCH_TICKET),
        (documents.GENERATE_CHANGELOG, documents.WATCH_CHANGELOG),
    )
    submitted: list[tuple[tuple[str, str], Json]] = [
        (log, {"source": f"web of {MAIL}", "content": TEXT}),
        (log, {"source": "web", "content": f"{TEXT}\n" * 100}),  # large enough to be redacted aside
        (ticket, {"title": LINES[0], "body": TEXT, "source": MAIL}),
        (changelog, {"project": f"x {MAIL}", "commits": commits}),
        (changelog, {"project": "x", "release": MAIL, "entries": entries}),
    ]
    answers = []
    for (document, watch), values in submitted:
        pending = await documents.submit(client, document, **values)
        answers += [pending, await documents.settled(client, watch, pending)]
    return answers


async def through_requests_that_fail(stack: RunningStack, client: GraphqlClient) -> list[Json]:
    token, password = CANARIES["jwt"], CANARIES["password"]
    account = {"email": "somebody@example.com", "password": password}
    visitor = stack.visitor
    answers: list[Json] = [await visitor.execute(documents.LOG_IN, input=account)]
    wrong = {"input": {"title": "t", "body": f"a\x00b {TEXT}"}}
    documents_sent = (
        {"query": f"query {{ {TEXT} }}"},
        {"query": documents.TRIAGE_TICKET, "variables": wrong},
        {"query": documents.REFRESH, "variables": {"input": {"refreshToken": CANARIES["refresh token"]}}},
    )
    # Whoever sends a name that there is not is told which one; nobody else is.
    misnamed = (
        {"query": f"query {CANARIES['aws']} {{ {CANARIES['aws']}(a: 1) }}", "operationName": CANARIES["aws"]},
        {"query": documents.TRIAGE_TICKET, "variables": {"input": {MAIL: TEXT, "idempotencyKey": "\x00" + TEXT}}},
        {"query": documents.ME, "operationName": MAIL, "extensions": {"persistedQuery": {"sha256Hash": TEXT}}},
    )
    for sent in misnamed:
        assert (await post(client, sent, **headers())).json()["errors"]
    answers += [(await post(client, sent, **headers())).json() for sent in documents_sent]
    bearers = [visitor.signed_in(one) for one in (token, CANARIES["api key"])]
    answers += [(await post(bearer, {"query": documents.ME})).json() for bearer in bearers]
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        asked = {"query": "{ __typename }", "access_token": token, "of": MAIL}
        answers.append({"text": (await http.get(visitor.url, params=asked, headers=headers())).text})
    return answers


def headers() -> dict[str, str]:
    return {name: value.format(trace_id=uuid4().hex) for name, value in HEADERS.items()}


async def through_the_broker(acme: Sender, client: GraphqlClient) -> None:
    log = cloud_event("", type=SUMMARIZE, data={"source": PARTNERS_LOG, "content": TEXT, "redacted": True})
    ticket = cloud_event("", data={"title": LINES[0], "body": TEXT, "source": PARTNERS_LOG, "redacted": True})
    # Given up: no JSON, a payload that breaks its schema, and a log that is larger than it may be.
    large = cloud_event("", type=SUMMARIZE, data={"source": MAIL, "content": TEXT * 1000, "redacted": True})
    await acme.send(
        Raw(ticket, {"headers": headers(), "app_id": MAIL, "correlation_id": MAIL, "reply_to": CANARIES["api key"]}),
        Raw(log, routing_key=SUMMARIZE),
        Raw(f'{{"no": "JSON", "{TEXT}"'.encode(), {"message_id": MAIL, "headers": {"x-note": TEXT}}),
        cloud_event("", data={"title": "", "body": TEXT, "reporter_email": TEXT}),
        Raw(large, routing_key=SUMMARIZE),
        Raw(cloud_event(""), {"content_type": MAIL, "type": CANARIES["aws"]}),
    )

    async def done() -> bool:
        logs = (await client.execute(documents.LOG_ENTRIES, filter={"source": PARTNERS_LOG, "state": "SUCCEEDED"}))[
            "logEntries"
        ]
        tickets = (await client.execute(documents.TICKETS, filter={"state": "SUCCEEDED"}))["tickets"]
        return bool(logs["nodes"]) and any(one["source"] == PARTNERS_LOG for one in tickets["nodes"])

    await eventually(done)


async def test_what_clients_are_answered_shows_none(let_in: list[Place]) -> None:
    assert sightings(CANARIES, let_in) == set()


async def test_no_table_of_any_service_holds_one(stack: RunningStack, let_in: list[Place]) -> None:
    places = [cell async for cell in cells(stack)]
    assert sightings(CANARIES, places) == set()
    assert {"gateway.outbox.body", "summarizer.raw_contents.sealed"} <= {where for where, text in places if text}


async def test_the_logs_as_they_came_in_are_there_for_those_who_have_the_key(
    stack: RunningStack, let_in: list[Place]
) -> None:
    environment = stack.stack.services.serve("gateway", scripted_llm=False).environment
    keyring = Keyring.parse(SecretStr(environment["GATEWAY_CONTENT_KEYS"]))
    rows: dict[str, list[bytes]] = {"log_id": [], "sealed": []}
    async for where, value in cells(stack):
        schema_and_table, _, column = where.rpartition(".")
        if schema_and_table == "summarizer.raw_contents" and column in rows:
            rows[column].append(value)
    opened = [keyring.open(sealed, about=UUID(log_id.decode())) for log_id, sealed in zip(*rows.values(), strict=True)]
    assert sum(text == TEXT for text in opened) == 2
    assert f"{TEXT}\n" * 100 in opened
    assert TEXT * 1000 in opened, "a log that was given up is kept too"


async def test_no_log_and_no_span_shows_one(stack: RunningStack, let_in: list[Place]) -> None:
    await spans_have_left(stack)
    found = [*files(stack), *[place async for place in traces(stack, "gateway", "auth", *ENGINES)]]
    assert {f"{name}.log" for name in ENGINES} <= {where for where, _ in found}
    assert sightings(CANARIES, found) == set()


async def test_no_metric_shows_one(stack: RunningStack, let_in: list[Place]) -> None:
    assert sightings(CANARIES, [place async for place in metrics(stack)]) == set()


async def test_no_dead_letter_shows_one(stack: RunningStack, admin: GraphqlClient, let_in: list[Place]) -> None:
    listed = (await admin.execute(documents.DEAD_LETTERS))["deadLetters"]["nodes"]
    assert {letter["queue"] for letter in listed} == set(DEAD)
    assert {TICKET, SUMMARIZE} <= {letter["messageType"] for letter in listed}
    assert sightings(CANARIES, [("deadLetters", json.dumps(listed).encode())]) == set()
    shown = [place async for place in dead_letters_on_the_command_line(stack)]
    ids = [json.loads(line)["id"] for line in shown[1][1].splitlines() if line.startswith(b"{")]
    shown += [place async for place in dead_letters_on_the_command_line(stack, *ids)]
    assert len(ids) == len(listed)
    assert sightings(CANARIES, shown) == set()


async def test_the_language_model_is_told_none(model: ScriptedModel, let_in: list[Place]) -> None:
    asked = await requests(model)
    assert len(asked) >= 7
    assert sightings(CANARIES, [("prompts", json.dumps(asked, ensure_ascii=False).encode())]) == set()
