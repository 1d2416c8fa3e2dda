"""One suite for the fake model and for the real client against the scripted server: they may not differ."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from pydantic import BaseModel, ConfigDict, Field

from aiops_common.llm import LanguageModel, LLMSettings, ModelUnavailable, Prompt, build_model
from aiops_common.testing.language_model import FakeLanguageModel
from aiops_common.testing.llm_script import Broken, Delay, Drip, Ok, Script, Status, Step
from aiops_common.testing.llm_server import ScriptedLLM

_TIMEOUT = 0.4
_PROMPT = Prompt("judge", "v1", "You judge.", "Choose RED or BLUE.\n<note>\nThe sky over the hill is BLUE\n</note>")

Scripted = Callable[[Script], LanguageModel]


class Verdict(BaseModel):
    """Closed: a field that nobody asked for is an invalid answer."""

    model_config = ConfigDict(extra="forbid")

    colour: str = Field(pattern="^(RED|BLUE)$")
    quote: str = Field(min_length=1)
    confidence: float = Field(ge=0, le=1)


@pytest.fixture(params=["fake", "openai"])
async def scripted(request: pytest.FixtureRequest) -> AsyncIterator[Scripted]:
    if request.param == "fake":
        yield lambda script: FakeLanguageModel(script, timeout_seconds=_TIMEOUT)
        return
    async with ScriptedLLM() as llm:

        def real(script: Script) -> LanguageModel:
            llm.start(script)
            # Only where an answer takes for ever: on a busy machine one that is made at once may take as long.
            slow = any(isinstance(step, Delay | Drip) for step in script.steps)
            settings = LLMSettings(
                openai_base_url=llm.base_url, llm_model="fake", llm_timeout_seconds=_TIMEOUT if slow else 30
            )
            model = build_model(settings)
            assert model is not None
            return model

        yield real


async def test_a_valid_answer_comes_with_model_and_tokens(scripted: Scripted) -> None:
    completion = await scripted(Script()).complete(_PROMPT, Verdict)
    assert completion.value == Verdict(colour="RED", quote="The sky over the hill is BLUE", confidence=0.9)
    assert completion.model == "fake"
    assert completion.input_tokens > 0
    assert completion.output_tokens > 0


async def test_the_script_may_give_the_answer(scripted: Scripted) -> None:
    told = {"colour": "BLUE", "quote": "told", "confidence": 0.5}
    by_schema = scripted(Script(answers={"Verdict": told}))
    assert (await by_schema.complete(_PROMPT, Verdict)).value.quote == "told"
    by_step = scripted(Script(steps=(Ok(answer=told), Ok())))
    assert (await by_step.complete(_PROMPT, Verdict)).value.quote == "told"
    assert (await by_step.complete(_PROMPT, Verdict)).value.quote != "told"


_FAILURES: list[tuple[Step, str]] = [
    (Status(status=429, retry_after="7"), "rate limited"),
    (Status(status=500), "server error"),
    (Status(status=503), "server error"),
    (Status(status=401), "not authorized"),
    (Status(status=400), "request refused with status 400"),
    (Delay(seconds=30), "timeout"),
    (Drip(interval=0.02), "timeout"),
    (Broken(kind="garbage"), "invalid answer"),
    (Broken(kind="html"), "invalid answer"),
    (Broken(kind="empty"), "invalid answer"),
    (Broken(kind="truncated"), "invalid answer"),
    (Broken(kind="wrong_schema"), "invalid answer"),
    (Broken(kind="invented"), "invalid answer"),
    (Broken(kind="refusal"), "refused"),
    (Broken(kind="length"), "answer cut off"),
]


@pytest.mark.parametrize(("step", "reason"), _FAILURES, ids=[f"{step.kind}-{reason}" for step, reason in _FAILURES])
async def test_every_failure_is_unavailable_with_a_reason(scripted: Scripted, step: Step, reason: str) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        await scripted(Script(steps=(step,))).complete(_PROMPT, Verdict)
    assert caught.value.reason == reason


async def test_retry_after_is_passed_on(scripted: Scripted) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        await scripted(Script(steps=(Status(status=429, retry_after="7"),))).complete(_PROMPT, Verdict)
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("kind", ["truncated", "wrong_schema", "invented"])
async def test_one_answer_that_breaks_the_schema_is_repaired(scripted: Scripted, kind: str) -> None:
    broken = Broken.model_validate({"kind": kind})
    assert (await scripted(Script(steps=(broken, Ok()))).complete(_PROMPT, Verdict)).value.colour == "RED"


async def test_two_are_not(scripted: Scripted) -> None:
    with pytest.raises(ModelUnavailable):
        await scripted(Script(steps=(Broken(kind="truncated", times=2), Ok()))).complete(_PROMPT, Verdict)


async def test_a_prompt_is_measured_by_the_rate_at_which_it_was_cut(scripted: Scripted) -> None:
    model = scripted(Script())
    within = replace(_PROMPT, max_input_tokens=20, bytes_per_token=20.0)
    assert (await model.complete(within, Verdict)).value.colour == "RED"
    with pytest.raises(ModelUnavailable, match="prompt too large"):
        await model.complete(replace(within, bytes_per_token=None), Verdict)
    with pytest.raises(ModelUnavailable, match="prompt too large"):
        await model.complete(replace(_PROMPT, bytes_per_token=0.001), Verdict)


@pytest.mark.parametrize("then", [Status(status=500), Status(status=400), Delay(seconds=30), Broken(kind="empty")])
async def test_what_an_answer_cost_is_told_though_its_repair_fails(scripted: Scripted, then: Step) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        await scripted(Script(steps=(Broken(kind="wrong_schema"), then))).complete(_PROMPT, Verdict)
    spoken = caught.value.spoken
    assert spoken is not None
    assert "verdict" in spoken.text
    assert min(spoken.input_tokens, spoken.output_tokens) > 0


_PASSING = {"rate limited", "server error", "timeout"}


@pytest.mark.parametrize(("step", "reason"), _FAILURES, ids=[f"{step.kind}-{reason}" for step, reason in _FAILURES])
async def test_only_what_the_prompt_has_nothing_to_do_with_passes(scripted: Scripted, step: Step, reason: str) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        await scripted(Script(steps=(step,))).complete(_PROMPT, Verdict)
    assert caught.value.passing == (reason in _PASSING)
