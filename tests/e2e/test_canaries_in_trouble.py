"""Secrets that are in use, and what is let in while things fail: commands, outages, a model that tells secrets."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from uuid import uuid4

import pytest

from aiops_local.services import SERVICES
from e2e import documents
from support.canaries import CANARIES, TEXT
from support.engines import asking
from support.eventually import eventually
from support.graphql import GraphqlClient, Json, code_of, post
from support.queues import purge
from support.sending import Raw, partner
from support.stack import RunningStack
from support.whereabouts import (
    Place,
    command,
    dead_letter_command,
    files,
    metrics,
    sightings,
    spans_have_left,
    traces,
)
from support.whole import make_whole

pytestmark = pytest.mark.timeout(400)  # starting the stack for the first of them included

PASSWORD = CANARIES["password"]
DEAD = "triage.dead"
ANSWERED = {"headline": TEXT, "category": CANARIES["e-mail"], CANARIES["aws"]: TEXT, "reasons": [TEXT]}
"""What a model says that tells secrets and keeps to no schema."""


@pytest.fixture(scope="module")
async def in_use(stack: RunningStack, admin: GraphqlClient) -> dict[str, str]:
    """Secrets that were given out, by what they are for, used as they are meant to be and otherwise."""
    visitor, email = stack.visitor, f"{uuid4().hex}@example.com"
    account = {"email": email, "password": PASSWORD, "displayName": "Carla"}
    signed_up = (await visitor.execute(documents.SIGN_UP, input=account))["signup"]["tokens"]
    await visitor.execute(documents.LOG_IN, input={"email": email, "password": f"{PASSWORD}?"})
    refresh = {"refreshToken": signed_up["refreshToken"]}
    tokens = (await visitor.execute(documents.REFRESH, input=refresh))["refreshTokens"]["tokens"]
    await visitor.execute(documents.REFRESH, input=refresh)  # which ends the session
    await visitor.execute(documents.LOG_OUT, input={"refreshToken": tokens["refreshToken"]})
    created = (await admin.execute(documents.CREATE_API_KEY, input={"name": "canary", "role": "OPS"}))["createApiKey"]
    machine = visitor.signed_in(created["secret"])
    await documents.submit(machine, documents.TRIAGE_TICKET, title="t", body="b")
    revoked = {"apiKeyId": created["apiKey"]["id"], "expectedVersion": created["apiKey"]["version"]}
    await admin.execute(documents.REVOKE_API_KEY, input=revoked)
    assert await code_of(machine, documents.ME) == "UNAUTHENTICATED"
    return {
        "address of an account": email,
        "first access token": signed_up["accessToken"],
        "first refresh token": signed_up["refreshToken"],
        "access token": tokens["accessToken"],
        "refresh token": tokens["refreshToken"],
        "secret of an API key": created["secret"],
        "token of the administrator": admin.token or "",
    }


@pytest.fixture(scope="module")
async def told_by_the_model(stack: RunningStack, admin: GraphqlClient) -> AsyncIterator[None]:
    """A model that answers with secrets, and then fails."""
    steps: list[Json] = [{"kind": "ok", "answer": ANSWERED}, {"kind": "garbage"}, {"kind": "status", "status": 401}]
    async with asking(stack, "triage", OPENAI_API_KEY=CANARIES["model key"]) as model:
        await model.play(*steps)
        for _ in steps:
            done = await documents.triaged(admin, title="t", body=f"b {uuid4()}")
            assert done["triage"]["provenance"]["degraded"]
        yield


@pytest.fixture(scope="module")
async def in_trouble(stack: RunningStack, admin: GraphqlClient) -> list[Place]:
    """What clients are answered while the broker, and then the database, is away."""
    answers = []
    for away in (stack.stack.rabbitmq.kill, stack.stack.postgres.kill):
        await asyncio.to_thread(away)
        answers += [
            await failing(stack.visitor, documents.LOG_IN, {"email": CANARIES["e-mail"], "password": PASSWORD}),
            await failing(stack.visitor, documents.REFRESH, {"refreshToken": CANARIES["refresh token"]}),
            await failing(admin, documents.TRIAGE_TICKET, {"title": "t", "body": TEXT, "source": CANARIES["e-mail"]}),
        ]
    answers += [(f"/readyz of {name}", json.dumps(await stack.ready(name)).encode()) for name in SERVICES]
    await make_whole(stack)
    return answers


async def failing(client: GraphqlClient, document: str, entered: Json) -> Place:
    answer = await post(client, {"query": document, "variables": {"input": entered}})
    return "answer while something is away", answer.content


async def commands(stack: RunningStack) -> list[Place]:
    """What commands print, with settings as they should be and with some that hold a secret in the wrong place."""
    settings = {name: value for name, value in stack.environment.items() if name.startswith(("AUTH_", "TRIAGE_"))}
    wrong = {**settings, "TRIAGE_DATABASE_URL": f"mysql://carla:{PASSWORD}@127.0.0.1/x", "TRIAGE_PORT": PASSWORD}
    refused = {**settings, "TRIAGE_DATABASE_URL": with_password(settings["TRIAGE_DATABASE_URL"], PASSWORD)}
    sent_again = ("resend", "--type", "triage.ticket_triaged.v1", "--dry-run")
    printed = await asyncio.gather(
        command("aiops_auth", "rotate-keys", environment=settings),
        command("aiops_triage", "migrate", environment=settings),
        command("aiops_triage", *sent_again, environment=settings),
        command("aiops_triage", *sent_again, environment=wrong, status=2),
        command("aiops_triage", *sent_again, environment=refused, status=1),
        command("aiops_triage", "serve", environment=wrong, status=2),
    )
    return list(printed)


def with_password(url: str, password: str) -> str:
    head, _, tail = url.partition("://")
    user, _, rest = tail.partition(":")
    return f"{head}://{user}:{password}@{rest.partition('@')[2]}"


def of_the_stack(stack: RunningStack) -> Mapping[str, str]:
    """The secrets that the processes were started with."""
    file = stack.stack.layout.credentials
    chosen: dict[str, str] = json.loads(file.read_text())
    assert {"admin", "content-key", "auth:master-key", "postgres:gateway", "rabbitmq:gateway"} <= set(chosen)
    return chosen


async def test_no_secret_in_use_is_seen_anywhere(
    stack: RunningStack,
    in_use: dict[str, str],
    told_by_the_model: None,
    in_trouble: list[Place],
) -> None:
    printed = await commands(stack)
    await spans_have_left(stack)
    spans = [place async for place in traces(stack, "gateway", "auth", "triage")]
    exposed = [place async for place in metrics(stack)]
    places = [*in_trouble, *printed, *files(stack), *spans, *exposed]
    assert len(exposed) == len(SERVICES)
    assert len(printed) == 6
    secrets = {**CANARIES, **in_use, **of_the_stack(stack)}
    assert sightings(secrets, places) == set()


async def test_no_dead_letter_shows_one_when_it_is_sent_home_or_thrown_away(stack: RunningStack) -> None:
    await purge(stack.amqp_url, DEAD)
    poison = Raw(f'{{"no": "JSON", "{TEXT}"'.encode(), {"message_id": CANARIES["e-mail"]})
    await partner(stack).send(poison)

    async def has_died() -> bool:
        return await stack.lengths(DEAD) == {DEAD: 1}

    await eventually(has_died)
    shown = [await dead_letter_command(stack, "replay", "--queue", DEAD, "--all")]
    await eventually(has_died)
    shown += [await dead_letter_command(stack, "discard", "--queue", DEAD, "--all", "--json")]
    assert b"dead_letters.replayed" in shown[0][1]
    assert b"dead_letters.discarded" in shown[1][1]
    assert sightings(CANARIES, shown) == set()


def test_every_line_of_every_service_is_one_json_object(stack: RunningStack, in_trouble: list[Place]) -> None:
    for name in SERVICES:
        for line in (stack.stack.layout.logs / f"{name}.log").read_text(encoding="utf-8").split("\n")[:-1]:
            told = json.loads(line)
            assert {"timestamp", "level", "service", "event"} <= told.keys(), line


def test_a_process_tells_its_settings_when_it_starts_and_that_it_ended(
    stack: RunningStack, told_by_the_model: None
) -> None:
    lines = (stack.stack.layout.logs / "triage.log").read_text(encoding="utf-8").split("\n")[:-1]
    told = [one for one in map(json.loads, lines) if one["event"] in ("process.starting", "process.stopped")]
    assert [one["event"] for one in told[:3]] == ["process.starting", "process.stopped", "process.starting"]
    assert told[0]["settings"]["prefetch"] > 0
    assert not {"database_url", "amqp_url"} & told[0]["settings"].keys()


async def test_an_outage_is_told_once_by_each_that_notices(stack: RunningStack, in_trouble: list[Place]) -> None:
    async def is_over() -> bool:
        # Who looks rarely says late that it is back. A process that is ended meanwhile never says it.
        return all(told[-1].endswith(".back") for told in lives_of_outages(stack)[-1].values())

    await eventually(is_over, seconds=60)
    lives = lives_of_outages(stack)
    assert {event for life in lives for told in life.values() for event in told} == {
        *("database.lost", "database.back"),
        *("broker.lost", "broker.back"),
    }
    for life in lives:
        for who, told in life.items():
            assert all(event.endswith(".back" if at % 2 else ".lost") for at, event in enumerate(told)), who


def lives_of_outages(stack: RunningStack) -> list[dict[str, list[str]]]:
    """For each process that triage was, who in it told of what, in order."""
    lives: list[dict[str, list[str]]] = []
    lines = (stack.stack.layout.logs / "triage.log").read_text(encoding="utf-8").split("\n")[:-1]
    for one in map(json.loads, lines):
        if one["event"] == "process.starting":
            lives.append({})
        elif one["event"] in ("database.lost", "database.back", "broker.lost", "broker.back"):
            who = one.get("pool") or one["connection"]
            lives[-1].setdefault(who, []).append(one["event"])
    return lives
