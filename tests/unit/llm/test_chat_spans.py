"""The span of a chat: names and numbers, and nothing of what was said."""

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import REGISTRY

from aiops_common.deferral import Deferred
from aiops_common.llm import AnswerRejected, Completion, ModelUnavailable, Prompt, improve
from aiops_common.llm.chat import Question, say
from aiops_common.llm.metrics import REASONS, reason_label
from aiops_common.llm.port import T
from aiops_common.testing.language_model import FakeLanguageModel
from support.notes import WORK, noting
from unit.common.recorded_spans import Recorded

QUESTION = Question(
    "note", [{"role": "user", "content": "hush-hush"}], {"max_completion_tokens": 200, "temperature": 0.5}
)
SERVER: dict[str, str | int] = {"server.address": "llm.example", "server.port": 443}


def _answer(**fields: object) -> SimpleNamespace:
    choice = SimpleNamespace(
        message=SimpleNamespace(content="hush-hush", refusal=None), finish_reason=fields.pop("finish_reason", "stop")
    )
    usage = SimpleNamespace(prompt_tokens=12, completion_tokens=3)
    return SimpleNamespace(**({"id": "chatcmpl-1", "model": "m-2026", "choices": [choice], "usage": usage} | fields))


def _client(outcome: object) -> Any:
    async def create(**_request: object) -> object:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create=create)))


async def _say(recorded: Recorded, outcome: object) -> None:
    await say(_client(outcome), "m", QUESTION, SERVER, recorded.tracer)


async def test_a_chat_is_told_as_the_conventions_have_it() -> None:
    recorded = Recorded()
    await _say(recorded, _answer())
    assert (recorded.only.name, recorded.only.kind) == ("chat m", SpanKind.CLIENT)
    assert recorded.only.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.request.max_tokens": 200,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.output.type": "json",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.model": "m-2026",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 3,
        "aiops.prompt.name": "note",
        **SERVER,
    }


@pytest.mark.parametrize("model", ["hush-hush, she said", "x" * 101, "", None, 7, "<script>"])
async def test_what_is_no_name_of_a_model_is_not_told(model: object) -> None:
    recorded = Recorded()
    said = await say(_client(_answer(model=model, id=model)), "m", QUESTION, SERVER, recorded.tracer)
    assert "gen_ai.response.model" not in recorded.only.attributes
    assert "gen_ai.response.id" not in recorded.only.attributes
    assert said.model == "m"


async def test_an_answer_that_cannot_be_used_is_told_with_what_it_cost() -> None:
    recorded = Recorded()
    with pytest.raises(ModelUnavailable):
        await _say(recorded, _answer(finish_reason="length"))
    attributes = recorded.only.attributes
    assert (attributes["error.type"], attributes["gen_ai.usage.output_tokens"]) == ("answer cut off", 3)
    assert attributes["gen_ai.response.finish_reasons"] == ["length"]
    assert recorded.only.status_code is StatusCode.ERROR


@pytest.mark.parametrize("answer", ["no object", SimpleNamespace(), _answer(choices=[]), _answer(usage=None)])
async def test_whatever_a_server_sends_the_span_stands(answer: object) -> None:
    recorded = Recorded()
    with suppress(ModelUnavailable):
        await _say(recorded, answer)
    assert recorded.only.attributes.get("error.type") in (None, "invalid answer")
    assert "hush" not in str((recorded.only.attributes, recorded.only.events, recorded.only.status_description))


@pytest.mark.parametrize(
    ("reported", "counted"), [(2**31, 10_000_000), (10**30, 10_000_000), (True, 0), (-1, 0), ("7", 0), (7.5, 0), (7, 7)]
)
async def test_tokens_are_whole_and_bounded(reported: object, counted: int) -> None:
    usage = SimpleNamespace(prompt_tokens=reported, completion_tokens=reported)
    said = await say(_client(_answer(usage=usage)), "m", QUESTION, SERVER, Recorded().tracer)
    assert (said.input_tokens, said.output_tokens) == (counted, counted)


async def test_a_reason_to_finish_that_nobody_knows_is_other() -> None:
    recorded = Recorded()
    await _say(recorded, _answer(finish_reason="hush-hush"))
    assert recorded.only.attributes["gen_ai.response.finish_reasons"] == ["other"]


async def test_a_chat_that_is_cancelled_is_told() -> None:
    recorded = Recorded()
    with pytest.raises(asyncio.CancelledError):
        await _say(recorded, asyncio.CancelledError())
    assert recorded.only.attributes["error.type"] == "cancelled"


@pytest.mark.parametrize(
    ("reason", "label"),
    [
        ("timeout", "timeout"),
        ("request refused with status 418", "request refused"),
        ("answer rejected: what it said", "answer rejected"),
        ("internal error: KeyError", "internal error"),
        ("what a server said", "other"),
    ],
)
def test_a_reason_is_a_label_of_a_closed_set(reason: str, label: str) -> None:
    assert reason_label(reason) == label
    assert label in {*REASONS, "other"}


class _Model(FakeLanguageModel):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    async def complete(self, prompt: Prompt, answer: type[T]) -> Completion[T]:
        raise self._error


async def _improve(recorded: Recorded, error: Exception | None) -> None:
    model = None if error is None else _Model(error)
    with recorded.tracer.start_as_current_span("process"):
        await improve(model, "built-in", noting(), WORK)


def _count(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_degraded_result_is_told_on_the_span_of_the_work_and_counted() -> None:
    recorded = Recorded()
    before = (
        _count("aiops_degraded_total", reason="circuit open"),
        _count("aiops_results_total", engine="builtin", degraded="true"),
    )
    await _improve(recorded, ModelUnavailable("circuit open", passing=True))
    assert recorded.only.attributes == {
        "aiops.engine": "builtin",
        "aiops.degraded": True,
        "aiops.degraded_reason": "circuit open",
    }
    after = (
        _count("aiops_degraded_total", reason="circuit open"),
        _count("aiops_results_total", engine="builtin", degraded="true"),
    )
    assert after == (before[0] + 1, before[1] + 1)


async def test_what_a_check_says_of_an_answer_stands_in_no_span() -> None:
    recorded = Recorded()
    await _improve(recorded, AnswerRejected("it says hush-hush"))
    assert recorded.only.attributes["aiops.degraded_reason"] == "answer rejected"
    assert "hush" not in str(recorded.only.attributes)


async def test_a_result_without_a_model_is_not_degraded() -> None:
    recorded = Recorded()
    await _improve(recorded, None)
    assert recorded.only.attributes == {"aiops.engine": "builtin", "aiops.degraded": False}


async def test_work_that_is_put_off_says_why() -> None:
    recorded = Recorded()
    with pytest.raises(Deferred):
        await _improve(recorded, Deferred("language model: circuit open"))
    assert recorded.only.attributes["aiops.deferred_reason"] == "language model: circuit open"
