"""Whatever the model does, the built-in result stands; an improvement is checked, and redacted on its way out."""

import asyncio

import pytest
from pydantic import BaseModel

from aiops_common.llm import AnswerRejected, Completion, ModelUnavailable, Prompt, improve
from aiops_common.testing.language_model import FakeLanguageModel
from aiops_common.testing.llm_script import Broken, Script, Status
from aiops_contracts.base import Engine, Provenance


class Note(BaseModel):
    text: str


def _prompt(user: str = "All is well") -> Prompt:
    return Prompt("note", "note/v3", "You note.", user)


def _apply(result: str, answer: Note) -> str:
    return f"{result} + {answer.text}"


async def test_without_a_model_the_built_in_result_is_not_degraded() -> None:
    improved = await improve(None, "built-in", _prompt, Note, _apply)
    assert (improved.result, improved.engine, improved.degraded) == ("built-in", Engine.BUILTIN, False)
    assert improved.prompt_version is None


async def test_an_answer_improves_the_result() -> None:
    improved = await improve(FakeLanguageModel(), "built-in", _prompt, Note, _apply)
    assert improved.result == "built-in + All is well"
    assert (improved.engine, improved.degraded, improved.model) == (Engine.LLM, False, "fake")
    provenance = improved.provenance(Provenance, 12)
    assert (provenance.prompt_version, provenance.duration_ms) == ("note/v3", 12)
    assert provenance.input_tokens


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (Status(status=500), "server error"),
        (Status(status=429), "rate limited"),
        (Broken(kind="refusal"), "refused"),
        (Broken(kind="wrong_schema"), "invalid answer"),
    ],
)
async def test_a_failure_degrades(step: Status | Broken, reason: str) -> None:
    improved = await improve(FakeLanguageModel(Script(steps=(step,))), "built-in", _prompt, Note, _apply)
    assert (improved.result, improved.engine) == ("built-in", Engine.BUILTIN)
    assert (improved.degraded, improved.degraded_reason) == (True, reason)
    assert improved.prompt_version == "note/v3"


async def test_a_rejected_answer_degrades_without_personal_data_in_the_reason() -> None:
    def reject(result: str, answer: Note) -> str:
        raise AnswerRejected("no entry has 'bob@example.com'")

    improved = await improve(FakeLanguageModel(), "built-in", _prompt, Note, reject)
    assert improved.result == "built-in"
    assert improved.degraded_reason == "answer rejected: no entry has '<EMAIL_1>'"


async def test_a_defect_in_template_or_check_degrades() -> None:
    def broken_prompt() -> Prompt:
        raise KeyError("secret value")

    def broken_apply(result: str, answer: Note) -> str:
        raise ZeroDivisionError

    without_prompt = await improve(FakeLanguageModel(), "built-in", broken_prompt, Note, _apply)
    assert without_prompt.degraded_reason == "internal error: KeyError"
    without_check = await improve(FakeLanguageModel(), "built-in", _prompt, Note, broken_apply)
    assert without_check.degraded_reason == "internal error: ZeroDivisionError"


async def test_personal_data_does_not_leave_and_comes_back_in_the_answer() -> None:
    model = FakeLanguageModel(Script(answers={"Note": {"text": "ask <EMAIL_1>, not <EMAIL_2>"}}))
    improved = await improve(model, "built-in", lambda: _prompt("from bob@example.com"), Note, _apply)
    assert model.prompts[0].user == "from <EMAIL_1>"
    assert improved.result == "built-in + ask bob@example.com, not <EMAIL_2>"


async def test_cancellation_propagates() -> None:
    class Waiting:
        async def complete(self, prompt: Prompt, answer: type[Note]) -> Completion[Note]:
            await asyncio.Event().wait()
            raise ModelUnavailable("never")

    task = asyncio.create_task(improve(Waiting(), "built-in", _prompt, Note, _apply))  # type: ignore[arg-type] # answers one class
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
