"""LLM_WHEN_OPEN=defer: what is worth waiting for, for how long, and that nobody on the way takes it for a failure."""

import pytest
from pydantic import ValidationError

from aiops_common.deferral import Deferred
from aiops_common.llm import Completion, LLMSettings, ModelUnavailable, Prompt, build_model, improve
from aiops_common.llm.breaker import Breaker, Outage
from aiops_common.llm.deferring import DeferringModel
from aiops_common.llm.openai_client import OpenAIModel
from aiops_common.llm.port import T
from aiops_common.testing.language_model import FakeLanguageModel
from support.notes import WORK, Note, noting

_PROMPT = Prompt("note", "v1", "You note.", "All is well")


class Failing(FakeLanguageModel):
    """A model that always ends with ``error``."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def complete(self, prompt: Prompt, answer: type[T]) -> Completion[T]:
        """Raises the error."""
        raise self.error


class Answering(FakeLanguageModel):
    """A model that answers every question with ``text``."""

    async def complete(self, prompt: Prompt, answer: type[T]) -> Completion[T]:
        """An answer."""
        return Completion(answer.model_validate({"text": "fine"}), "m", 1, 2)


async def _deferred(error: ModelUnavailable) -> Deferred:
    with pytest.raises(Deferred) as caught:
        await DeferringModel(Failing(error)).complete(_PROMPT, Note)
    return caught.value


async def test_an_answer_passes_through() -> None:
    completion = await DeferringModel(Answering()).complete(_PROMPT, Note)
    assert completion == Completion(Note(text="fine"), "m", 1, 2)


@pytest.mark.parametrize(
    "error",
    [Outage("server error"), Outage("rate limited", retry_after=7.5), ModelUnavailable("busy", passing=True)],
    ids=str,
)
async def test_what_passes_is_waited_for_as_long_as_is_known(error: ModelUnavailable) -> None:
    deferred = await _deferred(error)
    assert deferred.reason == str(deferred) == f"language model: {error.reason}"
    assert deferred.retry_after == error.retry_after
    assert deferred.__cause__ is error


async def test_an_open_breaker_is_waited_for_until_it_lets_one_in() -> None:
    breaker = Breaker(provider="p", model="deferring", failures=1, reset_seconds=30, clock=lambda: 0.0)
    with pytest.raises(Outage):
        await breaker.run(lambda: Failing(Outage("timeout")).complete(_PROMPT, Note))
    with pytest.raises(ModelUnavailable) as refused:
        breaker.check()
    deferred = await _deferred(refused.value)
    assert (deferred.reason, deferred.retry_after) == ("language model: circuit open", 30)


@pytest.mark.parametrize(
    "reason", ["refused", "answer cut off", "invalid answer", "prompt too large", "not authorized"]
)
async def test_what_one_prompt_brings_about_is_not_waited_for(reason: str) -> None:
    error = ModelUnavailable(reason)
    with pytest.raises(ModelUnavailable) as caught:
        await DeferringModel(Failing(error)).complete(_PROMPT, Note)
    assert caught.value is error


async def test_a_defect_is_no_reason_to_wait() -> None:
    with pytest.raises(KeyError):
        await DeferringModel(Failing(KeyError("ours"))).complete(_PROMPT, Note)


async def test_improve_lets_work_be_deferred_instead_of_degrading_it() -> None:
    model = DeferringModel(Failing(Outage("server error", retry_after=9)))
    with pytest.raises(Deferred) as caught:
        await improve(model, "built-in", noting(apply=lambda result, _: result), WORK)
    assert caught.value.retry_after == 9


async def test_improve_degrades_what_is_not_worth_waiting_for() -> None:
    model = DeferringModel(Failing(ModelUnavailable("refused")))
    improved = await improve(model, "built-in", noting(apply=lambda result, _: result), WORK)
    assert (improved.result, improved.degraded, improved.degraded_reason) == ("built-in", True, "refused")


def test_the_setting_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("LLM_MODEL", "small")
    monkeypatch.delenv("LLM_WHEN_OPEN", raising=False)
    assert isinstance(build_model(LLMSettings()), OpenAIModel)
    monkeypatch.setenv("LLM_WHEN_OPEN", "builtin")
    assert isinstance(build_model(LLMSettings()), OpenAIModel)
    monkeypatch.setenv("LLM_WHEN_OPEN", "defer")
    assert isinstance(build_model(LLMSettings()), DeferringModel)


def test_another_choice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_WHEN_OPEN", "wait")
    with pytest.raises(ValidationError, match="'builtin' or 'defer'"):
        LLMSettings()


def test_the_longest_work_covers_the_wait_for_a_slot_and_the_answer() -> None:
    assert LLMSettings(llm_timeout_seconds=30).longest_work_seconds > 2 * 30
    assert LLMSettings(llm_timeout_seconds=600).longest_work_seconds > 2 * 600
