"""What only the real client has: the request on the wire, the deadline, the breaker, the number of calls."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from prometheus_client import REGISTRY
from pydantic import BaseModel

from aiops_common.llm import LLMSettings, ModelUnavailable, Prompt
from aiops_common.llm.openai_client import OpenAIModel
from aiops_common.testing.llm_script import Broken, Delay, Drip, Ok, Script, Status
from aiops_common.testing.llm_server import ScriptedLLM

_PROMPT = Prompt("ask", "v1", "Be brief.", "What is it?")


class Reply(BaseModel):
    text: str
    note: str | None = None


@pytest.fixture
async def llm() -> AsyncIterator[ScriptedLLM]:
    async with ScriptedLLM() as server:
        yield server


def _model(llm: ScriptedLLM, **settings: object) -> OpenAIModel:
    given = {"openai_base_url": llm.base_url, "llm_model": "m", "llm_timeout_seconds": 5} | settings
    return OpenAIModel(LLMSettings.model_validate(given))


async def _reason(model: OpenAIModel) -> str:
    with pytest.raises(ModelUnavailable) as caught:
        await model.complete(_PROMPT, Reply)
    return caught.value.reason


async def test_the_request_holds_the_model_to_the_schema(llm: ScriptedLLM) -> None:
    await _model(llm).complete(_PROMPT, Reply)
    (body,) = llm.requests
    assert body["model"] == "m"
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    form = body["response_format"]["json_schema"]
    assert form["strict"] is True
    assert form["name"] == "Reply"
    assert form["schema"]["additionalProperties"] is False
    assert form["schema"]["required"] == ["text", "note"]
    assert "tools" not in body
    assert "temperature" not in body


async def test_the_repair_says_what_was_wrong_and_its_tokens_are_counted(llm: ScriptedLLM) -> None:
    plain = await _model(llm).complete(_PROMPT, Reply)
    llm.start(Script(steps=(Broken(kind="wrong_schema"), Ok())))
    repaired = await _model(llm).complete(_PROMPT, Reply)
    assert "text: Field required" in llm.requests[-1]["messages"][-1]["content"]
    assert repaired.input_tokens > 2 * plain.input_tokens
    assert llm.count == 3


@pytest.mark.parametrize("step", [Status(status=500), Status(status=429), Broken(kind="refusal")])
async def test_failures_are_not_retried(llm: ScriptedLLM, step: Status | Broken) -> None:
    llm.start(Script(steps=(step,)))
    await _reason(_model(llm))
    assert llm.count == 1


@pytest.mark.parametrize("step", [Delay(seconds=60), Drip(interval=0.02)])
async def test_the_deadline_is_for_the_whole_answer(llm: ScriptedLLM, step: Delay | Drip) -> None:
    llm.start(Script(steps=(step,)))
    started = time.monotonic()
    assert await _reason(_model(llm, llm_timeout_seconds=0.3)) == "timeout"
    assert time.monotonic() - started < 3


async def test_after_failures_in_a_row_no_request_is_made(llm: ScriptedLLM) -> None:
    llm.start(Script(steps=(Status(status=500),)))
    model = _model(llm, llm_breaker_failures=3)
    reasons = [await _reason(model) for _ in range(6)]
    assert reasons == ["server error"] * 3 + ["circuit open"] * 3
    assert llm.count == 3
    of_this_model = {"provider": "127.0.0.1", "model": "m"}
    assert REGISTRY.get_sample_value("aiops_llm_breaker_state", of_this_model) == 2


async def test_no_server_is_an_outage(llm: ScriptedLLM, unused_tcp_port: int) -> None:
    model = _model(llm, openai_base_url=f"http://127.0.0.1:{unused_tcp_port}/v1", llm_breaker_failures=1)
    assert await _reason(model) == "no connection"
    assert await _reason(model) == "circuit open"


async def test_answers_that_are_no_use_do_not_open_the_breaker(llm: ScriptedLLM) -> None:
    steps = (
        Broken(kind="refusal"),
        Broken(kind="garbage"),
        Broken(kind="truncated", times=2),
        Status(status=400),
        Ok(),
    )
    llm.start(Script(steps=steps))
    model = _model(llm, llm_breaker_failures=1)
    for _ in range(4):
        await _reason(model)
    assert (await model.complete(_PROMPT, Reply)).value.text


async def test_retry_after_is_honoured_from_the_first_refusal_on(llm: ScriptedLLM) -> None:
    llm.start(Script(steps=(Status(status=429, retry_after="60"), Ok())))
    model = _model(llm)
    assert [await _reason(model), await _reason(model)] == ["rate limited", "circuit open"]
    assert llm.count == 1


async def test_retry_after_may_be_a_date(llm: ScriptedLLM) -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    llm.start(Script(steps=(Status(status=429, retry_after=then),)))
    with pytest.raises(ModelUnavailable) as caught:
        await _model(llm).complete(_PROMPT, Reply)
    assert caught.value.retry_after == pytest.approx(90, abs=3)


@pytest.mark.parametrize("retry_after", ["soon", "-1", "", "1e9"])
async def test_a_retry_after_that_makes_no_sense_is_ignored(llm: ScriptedLLM, retry_after: str) -> None:
    llm.start(Script(steps=(Status(status=429, retry_after=retry_after), Ok())))
    model = _model(llm)
    assert await _reason(model) == "rate limited"
    assert (await model.complete(_PROMPT, Reply)).value.text


async def test_a_cancelled_call_propagates_and_leaves_the_breaker_alone(llm: ScriptedLLM) -> None:
    llm.start(Script(steps=(Delay(seconds=60), Ok())))
    model = _model(llm, llm_breaker_failures=1)
    call = asyncio.create_task(model.complete(_PROMPT, Reply))
    async with asyncio.timeout(5):
        await llm.asked(1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert model.breaker.state == "closed"
    assert (await model.complete(_PROMPT, Reply)).value.text


async def test_calls_beyond_the_limit_wait_for_a_slot(llm: ScriptedLLM) -> None:
    llm.start(Script(steps=(Delay(seconds=0.05),)))
    model = _model(llm, llm_max_concurrency=2)
    started = time.monotonic()
    await asyncio.gather(*(model.complete(_PROMPT, Reply) for _ in range(6)))
    assert time.monotonic() - started >= 0.15
    assert llm.count == 6


async def test_a_prompt_over_budget_is_not_sent(llm: ScriptedLLM) -> None:
    model = _model(llm, llm_max_input_tokens=1024)
    with pytest.raises(ModelUnavailable, match="prompt too large"):
        await model.complete(Prompt("ask", "v1", "", "word " * 1000), Reply)
    assert llm.count == 0


async def test_each_model_has_a_breaker_of_its_own(llm: ScriptedLLM) -> None:
    llm.start(Script(models={"small": (Status(status=500),)}))
    model = _model(llm, llm_breaker_failures=2)
    small = replace(_PROMPT, model="small")
    reasons = []
    for _ in range(4):
        with pytest.raises(ModelUnavailable) as caught:
            await model.complete(small, Reply)
        reasons.append(caught.value.reason)
        assert (await model.complete(_PROMPT, Reply)).model == "m"
    assert reasons == ["server error"] * 2 + ["circuit open"] * 2
    assert model.breaker.state == "closed"
    assert [body["model"] for body in llm.requests] == ["small", "m", "small", "m", "m", "m"]
    state = {name: REGISTRY.get_sample_value("aiops_llm_breaker_state", {"provider": "127.0.0.1", "model": name})
             for name in ("m", "small")}  # fmt: skip
    assert state == {"m": 0, "small": 2}


async def test_each_model_has_slots_and_bytes_per_token_of_its_own(llm: ScriptedLLM) -> None:
    llm.start(Script(models={"small": (Delay(seconds=60),)}))
    model = _model(llm, llm_max_concurrency=1)
    slow = asyncio.create_task(model.complete(replace(_PROMPT, model="small"), Reply))
    async with asyncio.timeout(5):
        await llm.asked(1)
    before = model.room().bytes_per_token
    assert (await model.complete(_PROMPT, Reply)).value.text
    assert model.room().bytes_per_token != before
    assert model.room("small").bytes_per_token == before
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow


async def test_a_step_s_own_budget_is_taken(llm: ScriptedLLM) -> None:
    model = _model(llm, llm_max_input_tokens=1024)
    long = Prompt("ask", "v1", "", "word " * 1000, max_input_tokens=2000, max_output_tokens=77)
    await model.complete(long, Reply)
    assert llm.requests[-1]["max_completion_tokens"] == 77
    with pytest.raises(ModelUnavailable, match="prompt too large"):
        await model.complete(replace(long, max_input_tokens=1000), Reply)
    assert (model.room().input_tokens, model.room().model) == (1024, "m")


async def test_what_was_said_in_vain_is_told_with_its_tokens(llm: ScriptedLLM) -> None:
    llm.start(Script(steps=(Broken(kind="wrong_schema"),)))
    with pytest.raises(ModelUnavailable) as caught:
        await _model(llm).complete(_PROMPT, Reply)
    spoken = caught.value.spoken
    assert spoken is not None
    assert "verdict" in spoken.text
    assert min(spoken.input_tokens, spoken.output_tokens) > 0
    assert "verdict" not in str(caught.value)


async def test_what_nobody_wants_any_more_is_not_repaired(llm: ScriptedLLM) -> None:
    async def nobody() -> None:
        raise ModelUnavailable("switched off")

    llm.start(Script(steps=(Broken(kind="wrong_schema"), Ok())))
    with pytest.raises(ModelUnavailable, match="switched off") as told:
        await _model(llm).complete(replace(_PROMPT, check_wanted=nobody), Reply)
    assert llm.count == 1
    assert told.value.spoken is not None
    assert told.value.spoken.input_tokens > 0  # what was said is paid for
