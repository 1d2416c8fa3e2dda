"""Whatever the model does, the built-in result stands; an improvement is checked, and redacted on its way out."""

import asyncio

import pytest

from aiops_common.llm import AnswerRejected, Checked, Completion, ModelUnavailable, Prompt, Questions, improve
from aiops_common.llm.port import T
from aiops_common.testing.language_model import FakeLanguageModel
from aiops_common.testing.llm_script import Broken, Script, Status
from aiops_contracts.base import Engine, Provenance
from support.notes import WORK, Note, inquiry, noting


def told(*texts: str) -> FakeLanguageModel:
    """A model that answers every question with this."""
    return FakeLanguageModel(Script(answers={"Note": {"text": " ".join(texts)}}))


async def test_without_a_model_the_built_in_result_is_not_degraded() -> None:
    improved = await improve(None, "built-in", noting(), WORK)
    assert (improved.result, improved.engine, improved.degraded) == ("built-in", Engine.BUILTIN, False)
    assert improved.prompt_version is None
    assert improved.runs == ()


async def test_an_answer_improves_the_result() -> None:
    improved = await improve(FakeLanguageModel(), "built-in", noting(), WORK)
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
    improved = await improve(FakeLanguageModel(Script(steps=(step,))), "built-in", noting(), WORK)
    assert (improved.result, improved.engine) == ("built-in", Engine.BUILTIN)
    assert (improved.degraded, improved.degraded_reason) == (True, reason)
    assert improved.prompt_version == "note/v3"
    assert [run.outcome for run in improved.runs] == [reason]


async def test_a_rejected_answer_degrades_without_personal_data_in_the_reason() -> None:
    def reject(note: Note) -> Checked[Note]:
        raise AnswerRejected("no entry has 'bob@example.com'")

    improved = await improve(FakeLanguageModel(), "built-in", noting(check=reject), WORK)
    assert improved.result == "built-in"
    assert improved.degraded_reason == "answer rejected: no entry has '<EMAIL_1>'"
    assert [(run.outcome, run.output is None) for run in improved.runs] == [("answer rejected", False)]


async def test_what_was_not_used_of_an_answer_is_said() -> None:
    def checked(note: Note) -> Checked[Note]:
        return Checked(note, ("sentence 2 says '37'", "sentence 3 asks bob@example.com"))

    improved = await improve(FakeLanguageModel(), "built-in", noting(check=checked), WORK)
    assert (improved.result, improved.engine, improved.degraded) == ("built-in + All is well", Engine.LLM, True)
    assert improved.degraded_reason == (
        "partly used, 2 left out: note: sentence 2 says '37'; note: sentence 3 asks <EMAIL_1>"
    )
    assert [run.outcome for run in improved.runs] == ["partly used"]


@pytest.mark.parametrize("is_rejected", [True, False])
async def test_a_reason_can_be_stored_and_shown_whatever_of_an_answer_it_quotes(is_rejected: bool) -> None:
    def checked(note: Note) -> Checked[Note]:
        why = "it cites 'e\x00\x1b[2J\n9'"
        if is_rejected:
            raise AnswerRejected(why)
        return Checked(note, (why,))

    improved = await improve(FakeLanguageModel(), "built-in", noting(check=checked), WORK)
    assert improved.degraded_reason is not None
    assert "it cites 'e\ufffd\ufffd[2J\ufffd9'" in improved.degraded_reason
    assert improved.degraded_reason.isprintable()


async def test_a_defect_in_template_or_check_degrades() -> None:
    async def without_a_value(questions: Questions, result: str) -> str:
        raise KeyError("secret value")

    def broken(note: Note) -> Checked[Note]:
        raise ZeroDivisionError

    without_prompt = await improve(FakeLanguageModel(), "built-in", without_a_value, WORK)
    assert without_prompt.degraded_reason == "internal error: KeyError"
    without_check = await improve(FakeLanguageModel(), "built-in", noting(check=broken), WORK)
    assert without_check.degraded_reason == "internal error: ZeroDivisionError"
    assert [run.outcome for run in without_check.runs] == ["internal error"]


async def test_a_flow_that_has_nothing_to_ask_leaves_the_result_alone() -> None:
    async def silent(questions: Questions, result: str) -> str:
        return "never"

    improved = await improve(FakeLanguageModel(), "built-in", silent, WORK)
    assert (improved.result, improved.engine, improved.degraded) == ("built-in", Engine.BUILTIN, False)


async def test_where_a_flow_goes_on_without_answers_it_is_degraded_and_said() -> None:
    async def swallowing(questions: Questions, result: str) -> str:
        for text in ("one", "two"):
            try:
                await questions.ask(inquiry(text))
            except ModelUnavailable as error:
                questions.leave_out(text, error)
        return "never"

    improved = await improve(FakeLanguageModel(Script(steps=(Status(status=500),))), "built-in", swallowing, WORK)
    assert (improved.result, improved.engine, improved.degraded) == ("built-in", Engine.BUILTIN, True)
    assert improved.degraded_reason == "server error, 2 left out: one: server error; two: server error"
    assert [run.outcome for run in improved.runs] == ["server error", "server error"]


async def test_personal_data_does_not_leave_and_comes_back_in_the_answer() -> None:
    model = told("ask <EMAIL_1>, not <EMAIL_2>")
    improved = await improve(model, "built-in", noting("from bob@example.com"), WORK)
    assert "\nfrom <EMAIL_1>\n" in model.prompts[0].user
    assert improved.result == "built-in + ask bob@example.com, not <EMAIL_2>"


async def test_an_answer_is_checked_as_the_evidence_is_which_was_not_redacted_for_the_model() -> None:
    def checked(note: Note) -> Checked[Note]:
        if note.text not in "from bob@example.com":
            raise AnswerRejected("it quotes words that do not occur")
        return Checked(note)

    model = told("<EMAIL_1>")
    improved = await improve(model, "built-in", noting("from bob@example.com", checked), WORK)
    assert "bob" not in model.prompts[0].user
    assert (improved.degraded_reason, improved.result) == (None, "built-in + bob@example.com")


async def test_why_something_was_not_used_quotes_nothing_that_was_put_back() -> None:
    material = "password: hunter2Secret99"

    def dropping(note: Note) -> Checked[Note]:
        return Checked(note, (f"it says {note.text.lower()!r}",))

    def rejecting(note: Note) -> Checked[Note]:
        raise AnswerRejected(f"it says {note.text[:9].lower()!r}")

    for check in (dropping, rejecting):
        improved = await improve(told("<SECRET_1>"), "built-in", noting(material, check), WORK)
        assert improved.degraded_reason is not None
        assert improved.degraded_reason.endswith(": a part with something redacted in it breaks a rule")
        assert "hunter2" not in "".join(run.model_dump_json() for run in improved.runs)


async def test_why_something_was_not_used_is_said_where_it_has_nothing_to_do_with_what_was_put_back() -> None:
    def dropping(note: Note) -> Checked[Note]:
        return Checked(note, ("sentence 2 says '37'",))

    improved = await improve(told("<EMAIL_1>"), "built-in", noting("from bob@example.com", dropping), WORK)
    assert improved.degraded_reason == "partly used, 1 left out: note: sentence 2 says '37'"


async def test_tokens_and_names_are_those_of_all_questions() -> None:
    async def twice(questions: Questions, result: str) -> str:
        first = await questions.ask(inquiry("one"))
        return f"{first.text} {(await questions.ask(inquiry('two'))).text}"

    one = await improve(told("x"), "built-in", noting("one"), WORK)
    both = await improve(told("x"), "built-in", twice, WORK)
    assert one.input_tokens is not None
    assert both.input_tokens == 2 * one.input_tokens
    assert (both.model, both.prompt_version, len(both.runs)) == ("fake", "note/v3", 2)


async def test_cancellation_propagates() -> None:
    class Waiting(FakeLanguageModel):
        async def complete(self, prompt: Prompt, answer: type[T]) -> Completion[T]:
            await asyncio.Event().wait()
            raise ModelUnavailable("never")

    task = asyncio.create_task(improve(Waiting(), "built-in", noting(), WORK))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
