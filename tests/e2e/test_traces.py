"""Every story of the table of spans, as a real Jaeger has it: nothing missing, no orphan, nothing of what was said."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from aiops_local.jaeger_spans import parse
from aiops_local.services import ENGINES
from aiops_local.spans import Span
from e2e import documents
from e2e.span_rules import violations
from e2e.trace_stories import TOLD, TOLD_WITH_A_MODEL, WORD, Scene, Story
from e2e.trace_table import STORIES, Kind, differences
from support.engines import asking
from support.eventually import eventually
from support.graphql import GraphqlClient
from support.jaeger import Jaeger, jaeger_of
from support.queues import purge
from support.stack import RunningStack
from support.workers import ScriptedModel

pytestmark = pytest.mark.timeout(400)  # starting the stack for the first of them included

SECONDS = 20.0
SETTINGS = {
    "LLM_WHEN_OPEN": "defer",
    "LLM_BREAKER_FAILURES": "1",
    "LLM_BREAKER_RESET_SECONDS": "1",
    "TRIAGE_MAX_ATTEMPTS": "1",
}


@dataclass(slots=True)
class Traces:
    """What Jaeger answered for each story, or why the story could not be told."""

    answers: dict[str, bytes] = field(default_factory=dict)
    failures: dict[str, Exception] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()

    def spans(self, story: str) -> list[Span]:
        """The spans of a story; raises what kept it from being told."""
        if story in self.failures:
            raise self.failures[story]
        return parse(self.answers[story])


@pytest.fixture(scope="module")
async def traces(stack: RunningStack, admin: GraphqlClient) -> AsyncIterator[Traces]:
    """All stories, told once."""
    jaeger, told = jaeger_of(stack), Traces()
    await purge(stack.amqp_url, "triage.dead")
    scene = Scene(stack, jaeger, admin, ScriptedModel(""), {str(admin.token)})
    ids = await tell(scene, TOLD, told)
    async with asking(stack, *ENGINES, **SETTINGS) as model:
        ids |= await tell(Scene(stack, jaeger, admin, model, scene.secrets), TOLD_WITH_A_MODEL, told)
        answers = await asyncio.gather(*(settled(jaeger, story, trace_id) for story, trace_id in ids.items()))
    told.answers.update(zip(ids, answers, strict=True))
    told.secrets = frozenset(scene.secrets)
    yield told
    await purge(stack.amqp_url, "triage.dead")


async def tell(scene: Scene, stories: Mapping[str, Story], traces: Traces) -> dict[str, str]:
    """Let each story happen; story → the id of its trace."""
    ids = {}
    for story, happen in stories.items():
        try:
            ids[story] = await happen(scene)
        except Exception as error:  # the tests of this story fail with it, those of the others need not
            traces.failures[story] = error
    return ids


async def settled(jaeger: Jaeger, story: str, trace_id: str) -> bytes:
    """What Jaeger has of a trace once it is as the table says, or has had the time to become so."""
    answer = b""

    async def look() -> bool:
        nonlocal answer
        answer = await jaeger.answer(trace_id)
        spans = parse(answer)
        return not differences(story, spans) and not orphans(spans)

    with suppress(AssertionError):  # what is missing is for the tests to say
        await eventually(look, seconds=SECONDS, every=0.5)
    return answer


def orphans(spans: list[Span]) -> list[str]:
    """Spans whose parent is not in the trace."""
    known = {span.span_id for span in spans}
    return [f"{span.service} {span.name}" for span in spans if span.parent_id and span.parent_id not in known]


def named(spans: list[Span], name: str) -> list[Span]:
    """The spans of that name in the order in which they began."""
    return sorted((span for span in spans if span.name == name), key=lambda span: span.start_ns)


def test_every_story_of_the_table_is_told() -> None:
    assert sorted([*TOLD, *TOLD_WITH_A_MODEL]) == sorted(STORIES)


@pytest.mark.parametrize("story", STORIES)
async def test_the_trace_is_what_the_table_says(traces: Traces, story: str) -> None:
    spans = traces.spans(story)
    told = differences(story, spans)
    assert not told, "\n".join(told)
    assert orphans(spans) == []
    assert len([span.name for span in spans if span.parent_id is None]) == 1


@pytest.mark.parametrize("story", STORIES)
async def test_attributes_follow_the_conventions(traces: Traces, story: str) -> None:
    ours = [span for span in traces.spans(story) if span.service.startswith("aiops-")]
    assert ours
    told = {fault for span in ours for fault in violations(span)}
    assert not told, "\n".join(sorted(told))


@pytest.mark.parametrize("story", STORIES)
async def test_nothing_that_a_client_said_is_in_a_trace(traces: Traces, story: str) -> None:
    assert traces.spans(story)
    text = traces.answers[story].decode().lower()
    told = {word: text.partition(word)[2][:40] for word in (WORD, "@example.", "eyj") if word in text}
    assert told == {}
    assert [secret for secret in traces.secrets if secret.lower() in text] == []


async def test_only_what_failed_is_marked_so(traces: Traces) -> None:
    failed = {
        story: {span.name for span in traces.spans(story) if span.status == "ERROR" and not Kind.of(span).is_statement}
        for story in STORIES
    }
    command = "triage.triage_ticket.v1"
    assert {story: names for story, names in failed.items() if names} == {
        "a retry": {f"process {command}"},
        "a dead letter": {f"process {command}"},
        "a deferred message": {"chat scripted"},
    }


@pytest.mark.parametrize(
    ("story", "attempts"),
    [("a retry", [1, 2]), ("a dead letter", [1]), ("its replay", [1]), ("a deferred message", [1, 1])],
)
async def test_each_attempt_has_its_number(traces: Traces, story: str, attempts: list[int]) -> None:
    """Waiting for the model spends no attempt, and a replay begins anew."""
    processed = named(traces.spans(story), "process triage.triage_ticket.v1")
    assert [span.attributes["aiops.attempt"] for span in processed] == attempts


async def test_a_replay_leads_back_to_the_dead_letter(traces: Traces) -> None:
    (letter,) = named(traces.spans("a dead letter"), "dead_letter triage.triage_ticket.v1")
    (replay,) = named(traces.spans("its replay"), "replay triage.triage_ticket.v1")
    assert list(replay.links) == [f"{letter.trace_id}:{letter.span_id}"]


@pytest.mark.parametrize("story", ["triageTicket", "summarizeLog", "generateChangelog"])
async def test_a_push_leads_to_the_subscription_that_it_went_to(
    traces: Traces, stack: RunningStack, story: str
) -> None:
    pushes = [span for span in traces.spans(story) if span.name.startswith("push ")]
    (link,) = {link for push in pushes for link in push.links}
    trace_id, _, span_id = link.partition(":")
    assert trace_id != pushes[0].trace_id
    found = {span.span_id: span for span in await jaeger_of(stack).trace(trace_id)}
    assert found[span_id].name == pushes[0].name.replace("push", "subscription")


async def test_the_file_has_the_same_spans(traces: Traces, stack: RunningStack) -> None:
    spans = [span for span in traces.spans("triageTicket") if span.service.startswith("aiops-")]
    in_file = {span["span_id"]: span["name"] for span in stack.spans() if span["trace_id"] == spans[0].trace_id}
    assert in_file == {span.span_id: span.name for span in spans}


async def test_without_jaeger_everything_goes_on(traces: Traces, stack: RunningStack, admin: GraphqlClient) -> None:
    await asyncio.to_thread(stack.stack.jaeger.kill)
    try:
        for number in range(3):
            await documents.triaged(admin, title=f"Without Jaeger {number}", body="b")
        assert [(await stack.ready(name))[0] for name in ("gateway", "triage")] == [200, 200]
    finally:
        await asyncio.to_thread(stack.stack.jaeger.start)
    ticket = await documents.triaged(admin, title="With Jaeger again", body="b")

    async def arrived() -> bool:
        return bool(await jaeger_of(stack).trace(ticket["traceId"]))

    await eventually(arrived, seconds=60)
