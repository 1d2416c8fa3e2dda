"""Every story of the table of spans, as a real Jaeger has it: nothing missing, no orphan, nothing of what was said."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from aiops_local.jaeger_spans import parse
from aiops_local.services import ENGINES
from aiops_local.spans import Span
from e2e.span_rules import violations
from e2e.trace_paths import Kind, differences
from e2e.trace_stories import TOLD, TOLD_WITH_A_MODEL, WORD, Scene, Story
from e2e.trace_table import STORIES
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
    """What Jaeger answered for each story, or why the story could not be told.

    ``linked`` are the spans of all traces that links of these lead to, by their trace's id and their own.
    """

    answers: dict[str, bytes] = field(default_factory=dict)
    failures: dict[str, Exception] = field(default_factory=dict)
    linked: dict[str, Span] = field(default_factory=dict)
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
    await tell(scene, TOLD, told)
    async with asking(stack, *ENGINES, **SETTINGS) as model:
        await tell(Scene(stack, jaeger, admin, model, scene.secrets), TOLD_WITH_A_MODEL, told)
    told.linked = await led_to(jaeger, told)
    told.secrets = frozenset(scene.secrets)
    yield told
    await purge(stack.amqp_url, "triage.dead")


async def tell(scene: Scene, stories: Mapping[str, Story], traces: Traces) -> None:
    """Let each story happen, and wait until Jaeger knows all of them to their end."""
    ids = {}
    for story, happen in stories.items():
        try:
            ids[story] = await happen(scene)
        except Exception as error:  # the tests of this story fail with it, those of the others need not
            traces.failures[story] = error
    answers = await asyncio.gather(*(settled(scene.jaeger, story, trace_id) for story, trace_id in ids.items()))
    traces.answers.update(zip(ids, answers, strict=True))


async def settled(jaeger: Jaeger, story: str, trace_id: str) -> bytes:
    """What Jaeger has of a trace once it is as the table says, or has had the time to become so."""
    answer = b""

    async def look() -> bool:
        nonlocal answer
        answer = await jaeger.answer(trace_id)
        return not differences(story, parse(answer))

    with suppress(AssertionError):  # what is missing is for the tests to say
        await eventually(look, seconds=SECONDS, every=0.5)
    return answer


async def led_to(jaeger: Jaeger, traces: Traces) -> dict[str, Span]:
    """All spans of the traces that links of those traces lead to."""
    answers = traces.answers.values()
    wanted = {link for answer in answers for span in parse(answer) for link in span.links}
    found: dict[str, Span] = {}

    async def look() -> bool:
        told = await asyncio.gather(*(jaeger.trace(trace_id) for trace_id in {link[:32] for link in wanted}))
        found.update((f"{span.trace_id}:{span.span_id}", span) for spans in told for span in spans)
        return wanted <= found.keys()

    with suppress(AssertionError):  # what is missing is for the tests to say
        await eventually(look, seconds=SECONDS, every=0.5)
    return found


def named(spans: list[Span], name: str) -> list[Span]:
    """The spans of that name."""
    return [span for span in spans if span.name == name]


def test_every_story_of_the_table_is_told() -> None:
    assert sorted([*TOLD, *TOLD_WITH_A_MODEL]) == sorted(STORIES)


@pytest.mark.parametrize("story", STORIES)
async def test_the_trace_is_what_the_table_says(traces: Traces, story: str) -> None:
    spans = traces.spans(story)
    told = differences(story, spans)
    assert not told, "\n".join(told)


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


async def test_a_replay_leads_back_to_the_dead_letter(traces: Traces) -> None:
    (letter,) = named(traces.spans("a dead letter"), "dead_letter triage.triage_ticket.v1")
    (replay,) = named(traces.spans("its replay"), "replay triage.triage_ticket.v1")
    assert list(replay.links) == [f"{letter.trace_id}:{letter.span_id}"]


@pytest.mark.parametrize("story", ["triageTicket", "summarizeLog", "generateChangelog"])
async def test_a_push_leads_to_the_subscription_that_it_went_to(traces: Traces, story: str) -> None:
    pushes = [span for span in traces.spans(story) if span.name.startswith("push ")]
    (link,) = {link for push in pushes for link in push.links}
    subscription = traces.linked[link]
    assert subscription.trace_id != pushes[0].trace_id
    assert subscription.name == pushes[0].name.replace("push", "subscription")


async def test_the_file_has_the_same_spans(traces: Traces, stack: RunningStack) -> None:
    spans = [span for span in traces.spans("triageTicket") if span.service.startswith("aiops-")]
    in_file = {span["span_id"]: span["name"] for span in stack.spans() if span["trace_id"] == spans[0].trace_id}
    assert in_file == {span.span_id: span.name for span in spans}
