"""The questions of one piece of work: each leaves a run, several go at the same time, and time and room are bounded."""

import asyncio
from typing import TypeVar

import pytest
from pydantic import BaseModel

from aiops_common.deferral import Deferred
from aiops_common.llm import (
    AnswerRejected,
    Checked,
    Completion,
    Inquiry,
    ModelUnavailable,
    Prompt,
    Questions,
    Spoken,
    Work,
)
from aiops_common.llm.asking import AT_ONCE, KEPT_BYTES
from aiops_common.llm.deferring import DeferringModel
from aiops_common.testing.language_model import FakeLanguageModel
from aiops_common.testing.llm_script import Broken, Delay, Ok, Script, Status, Step
from support.notes import LINK, WORK, Note, inquiry

T = TypeVar("T", bound=BaseModel)


def asking(*steps: Step, work: Work = WORK) -> Questions:
    """Questions to a model that does this."""
    return Questions(FakeLanguageModel(Script(steps=steps or (Ok(),))), work)


async def test_a_run_says_what_was_asked_and_what_came_of_it() -> None:
    questions = asking(Ok(answer={"text": "fine, says ann@example.com"}))
    await questions.ask(inquiry("from bob@example.com"))
    (run,) = questions.runs
    assert (run.operation, run.step, run.template, run.model) == ("noting", "note", "note/v3", "fake")
    assert (run.outcome, run.subject) == ("answered", WORK.subject)
    assert run.input.startswith("You note.\n---user---\n<note-")
    assert "from <EMAIL_1>" in run.input
    assert run.output == '{"text": "fine, says <EMAIL_1>"}'
    assert "@example.com" not in run.model_dump_json()
    assert run.input_tokens
    assert run.output_tokens


@pytest.mark.parametrize(
    ("step", "outcome", "said"),
    [
        (Status(status=500), "server error", None),
        (Status(status=418), "request refused", None),
        (Delay(seconds=99), "timeout", None),
        (Broken(kind="refusal"), "refused", None),
        (Broken(kind="wrong_schema"), "invalid answer", '{"verdict": "fine", "items": [1, 2, 3]}'),
    ],
)
async def test_a_question_without_an_answer_leaves_a_run(step: Step, outcome: str, said: str | None) -> None:
    questions = asking(step)
    with pytest.raises(ModelUnavailable):
        await questions.ask(inquiry())
    assert [(run.outcome, run.output) for run in questions.runs] == [(outcome, said)]


async def test_an_answer_that_breaks_a_rule_leaves_a_run() -> None:
    def reject(note: Note) -> Checked[Note]:
        raise AnswerRejected("it says 37")

    questions = asking()
    with pytest.raises(AnswerRejected):
        await questions.ask(inquiry(check=reject))
    assert [(run.outcome, run.output is None) for run in questions.runs] == [("answer rejected", False)]


async def test_what_is_recorded_is_cut() -> None:
    questions = asking(Ok(answer={"text": "\u00e9" * KEPT_BYTES}))
    with pytest.raises(ModelUnavailable, match="prompt too large"):
        await questions.ask(inquiry("\u00e9" * KEPT_BYTES * 3))
    assert questions.runs[0].outcome == "prompt too large"
    assert KEPT_BYTES - 2 < len(questions.runs[0].input.encode()) <= KEPT_BYTES
    await questions.ask(inquiry("x"))
    assert questions.runs[1].output is not None
    assert KEPT_BYTES - 2 < len(questions.runs[1].output.encode()) <= KEPT_BYTES


async def test_what_cannot_be_stored_is_replaced() -> None:
    class Broken(FakeLanguageModel):
        async def complete(self, prompt: Prompt, answer: type[T]) -> Completion[T]:
            raise ModelUnavailable("invalid answer", spoken=Spoken("a\x00b\ud800", 1, 2))

    questions = Questions(Broken(), WORK)
    with pytest.raises(ModelUnavailable):
        await questions.ask(inquiry())
    assert [(run.output, run.input_tokens, run.output_tokens) for run in questions.runs] == [("a\ufffdb?", 1, 2)]


async def test_one_of_several_that_fails_is_left_out_and_said() -> None:
    questions = asking(Ok(), Status(status=500), Ok())
    found = await questions.ask_each([inquiry(text) for text in ("one", "two", "three")], "notes")
    assert [note and note.text for note in found] == ["one", None, "three"]
    assert questions.dropped == ["1 of 3 notes: server error"]
    assert sorted(run.outcome for run in questions.runs) == ["answered", "answered", "server error"]


async def test_where_all_fail_there_is_nothing() -> None:
    questions = asking(Status(status=500))
    with pytest.raises(ModelUnavailable, match="server error"):
        await questions.ask_each([inquiry(), inquiry()], "notes")
    assert [run.outcome for run in questions.runs] == ["server error", "server error"]


class Busy(FakeLanguageModel):
    """A model that is worth waiting for where a question says "later"."""

    async def complete(self, prompt: Prompt, answer: type[T]) -> Completion[T]:
        """An answer, or none for now."""
        if "later" in prompt.user:
            raise ModelUnavailable("rate limited", passing=True, spoken=Spoken("half", 3, 4))
        return await super().complete(prompt, answer)


async def test_answers_are_kept_though_the_model_is_worth_waiting_for_others() -> None:
    questions = Questions(DeferringModel(Busy()), WORK)
    found = await questions.ask_each([inquiry("one"), inquiry("later")], "notes")
    assert [note and note.text for note in found] == ["one", None]
    assert questions.dropped == ["1 of 2 notes: language model: rate limited"]
    assert [(run.outcome, run.output is None) for run in questions.runs] == [
        ("answered", False),
        ("rate limited", False),
    ]
    assert questions.runs[1].input_tokens == 3


async def test_a_model_worth_waiting_for_is_waited_for_where_nothing_was_answered() -> None:
    def reject(note: Note) -> Checked[Note]:
        raise AnswerRejected("it says 37")

    questions = Questions(DeferringModel(Busy()), WORK)
    with pytest.raises(Deferred):
        await questions.ask_each([inquiry("one", reject), inquiry("later")], "notes")


async def test_a_defect_takes_all_answers_away() -> None:
    def broken(note: Note) -> Checked[Note]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await asking().ask_each([inquiry("one"), inquiry("two", broken)], "notes")


async def test_only_a_few_are_asked_at_the_same_time() -> None:
    class Counting(FakeLanguageModel):
        under_way = most = 0

        async def complete(self, prompt: Prompt, answer: type[T]) -> Completion[T]:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await asyncio.sleep(0.001)
            self.under_way -= 1
            return await super().complete(prompt, answer)

    model = Counting()
    await Questions(model, WORK).ask_each([inquiry(str(number)) for number in range(20)], "notes")
    assert model.most == AT_ONCE


async def test_all_questions_together_have_a_deadline() -> None:
    class Slow(FakeLanguageModel):
        async def complete(self, prompt: Prompt, answer: type[T]) -> Completion[T]:
            await asyncio.Event().wait()
            return await super().complete(prompt, answer)

    questions = Questions(Slow(), Work("noting", WORK.subject, seconds=0.05))
    for _ in range(2):
        with pytest.raises(ModelUnavailable, match="timeout"):
            await questions.ask(inquiry())
    assert [run.outcome for run in questions.runs] == ["timeout", "timeout"]


def test_room_is_that_of_the_step_or_of_the_model() -> None:
    questions = asking()
    assert questions.room(LINK).input_tokens == 12_000
    small = type(LINK)(LINK.step, LINK.template, "small", max_input_tokens=300, max_output_tokens=20)
    room = questions.room(small)
    assert (room.model, room.input_tokens, room.output_tokens) == ("small", 300, 20)
    fixed = LINK.prompt({"text": ""})
    assert questions.text_bytes(small, {"text": ""}) == int(300 * 3.5) - len(fixed.system + fixed.user)


async def test_room_is_by_what_was_known_when_it_was_first_asked_for() -> None:
    model = FakeLanguageModel(bytes_per_token=2.2)
    questions = Questions(model, WORK)
    before = questions.room(LINK)
    await questions.ask(inquiry())
    assert questions.room(LINK) == before
    assert model.prompts[0].bytes_per_token == before.bytes_per_token
    assert Questions(model, WORK).room(LINK).bytes_per_token < before.bytes_per_token


def test_an_inquiry_is_of_its_step() -> None:
    asked = Inquiry(LINK, {"text": "x"}, Note, Checked)
    assert asked.prompt.version == "note/v3"
