"""A language model behind an OpenAI-compatible API."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import openai
from httpx2 import Limits
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel, ValidationError

from aiops_common.llm import metrics
from aiops_common.llm.breaker import Breaker, Outage
from aiops_common.llm.budget import estimated_tokens
from aiops_common.llm.chat import Question, Said, say
from aiops_common.llm.lanes import Lane, Lanes
from aiops_common.llm.port import Completion, ModelUnavailable, Prompt, Room, Spoken
from aiops_common.llm.settings import LLMSettings
from aiops_common.metrics import observe

T = TypeVar("T", bound=BaseModel)

_SHOWN_ERRORS = 10
_PORTS = {"http": 80, "https": 443}
_LIMITS = Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=2.0)
"""The client's own, but for how long an idle connection is used again. Servers such as uvicorn and vLLM close one after
5 seconds, and so would the client: a call at that moment, the first retry say, would meet a closing one and count as
an outage."""


class OpenAIModel:
    """``LanguageModel`` over chat completions with structured output, a total deadline, a breaker and no retries.

    Retries are the message's, not the call's: a worker that waits here holds a delivery. The one second attempt is
    for an answer that breaks its schema, within the same deadline.
    """

    def __init__(self, settings: LLMSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = openai.AsyncOpenAI(
            base_url=settings.openai_base_url,
            api_key=settings.openai_api_key.get_secret_value() or "none",
            timeout=settings.llm_timeout_seconds,
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(limits=_LIMITS),
        )
        self._settings = settings
        address = urlsplit(settings.openai_base_url)
        self._provider = address.hostname or ""
        self._server: dict[str, str | int] = {
            "server.address": self._provider,
            "server.port": address.port or _PORTS[address.scheme],
        }
        self._lanes = Lanes(self._provider, settings, clock)

    @property
    def breaker(self) -> Breaker:
        """The breaker of ``LLM_MODEL``; other models have their own."""
        return self._lanes.default.breaker

    def room(self, model: str | None = None) -> Room:
        """As the settings say, with the bytes per token that the model's answers taught so far."""
        lane = self._lanes.of(model)
        return Room(
            model=lane.model,
            input_tokens=self._settings.llm_max_input_tokens,
            output_tokens=self._settings.llm_max_output_tokens,
            bytes_per_token=lane.rate.bytes_per_token,
        )

    async def complete(self, prompt: Prompt, answer: type[T]) -> Completion[T]:
        """Ask once, and once more if the answer breaks the schema of ``answer``.

        Waits for a free slot at most as long as for an answer. Raises ``ModelUnavailable``: "circuit open", "busy",
        "timeout", "no connection", "rate limited", "server error", "refused", "answer cut off", "invalid answer",
        "prompt too large", "not authorized", "request refused with status …".
        """
        started = time.monotonic()
        outcome = metrics.CANCELLED
        lane = self._lanes.of(prompt.model)
        try:
            self._check_size(prompt, lane)
            lane.breaker.check()
            has_to_wait = lane.is_full
            async with lane.slot():
                if has_to_wait:
                    await _check_wanted(prompt)  # before the breaker, which would take it for an answer
                completion = await lane.breaker.run(lambda: self._before_deadline(prompt, answer, lane))
            outcome = metrics.ANSWERED
            return completion
        except ModelUnavailable as error:
            outcome = metrics.reason_label(error.reason)
            raise
        finally:
            metrics.CALLS.labels(self._provider, lane.model, outcome).inc()
            observe(metrics.DURATION.labels(self._provider, lane.model), time.monotonic() - started)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _check_size(self, prompt: Prompt, lane: Lane) -> None:
        most = prompt.max_input_tokens or self._settings.llm_max_input_tokens
        rate = prompt.bytes_per_token or lane.rate.bytes_per_token
        if estimated_tokens(prompt.system + prompt.user, rate) > most:
            raise ModelUnavailable("prompt too large")

    async def _before_deadline(self, prompt: Prompt, answer: type[T], lane: Lane) -> Completion[T]:
        said: list[Said] = []
        # The client's own timeout is per read: a body that drips byte by byte never hits it.
        try:
            async with asyncio.timeout(self._settings.llm_timeout_seconds):
                return await self._answer(prompt, answer, lane, said)
        except TimeoutError:
            failed: ModelUnavailable = Outage("timeout")
        except ModelUnavailable as error:
            failed = error
        failed.spoken = _all_spoken(said, failed.spoken)
        raise failed from None

    async def _answer(self, prompt: Prompt, answer: type[T], lane: Lane, said: list[Said]) -> Completion[T]:
        """The answer; each that came is put into ``said``, as it is paid for whatever becomes of it."""
        messages: list[ChatCompletionMessageParam] = [
            {"role": "system", "content": prompt.system},
            {"role": "user", "content": prompt.user},
        ]
        said.append(await self._say(prompt, messages, answer, lane))
        lane.rate.observe(prompt.system + prompt.user, said[0].input_tokens)
        try:
            return _completion(answer, said)
        except ValidationError as error:
            messages.append({"role": "assistant", "content": said[0].text})
            messages.append({"role": "user", "content": _repair(error)})
        await _check_wanted(prompt)
        said.append(await self._say(prompt, messages, answer, lane))
        try:
            return _completion(answer, said)
        except ValidationError:
            raise ModelUnavailable("invalid answer") from None

    async def _say(
        self, prompt: Prompt, messages: list[ChatCompletionMessageParam], answer: type[BaseModel], lane: Lane
    ) -> Said:
        options: dict[str, Any] = {
            "response_format": response_format(answer),
            "max_completion_tokens": prompt.max_output_tokens or self._settings.llm_max_output_tokens,
        }
        if self._settings.llm_temperature is not None:
            options["temperature"] = self._settings.llm_temperature
        said = await say(self._client, lane.model, Question(prompt.name, messages, options), self._server)
        metrics.TOKENS.labels(self._provider, lane.model, "input").inc(said.input_tokens)
        metrics.TOKENS.labels(self._provider, lane.model, "output").inc(said.output_tokens)
        return said


def response_format(answer: type[BaseModel]) -> dict[str, Any]:
    """The ``response_format`` that holds a model to the schema of ``answer`` in strict mode.

    Source: https://platform.openai.com/docs/guides/structured-outputs
    """
    function = openai.pydantic_function_tool(answer)["function"]
    schema = {"name": answer.__name__, "schema": function["parameters"], "strict": True}
    return {"type": "json_schema", "json_schema": schema}


async def _check_wanted(prompt: Prompt) -> None:
    if prompt.check_wanted is not None:
        await prompt.check_wanted()


def _completion(answer: type[T], said: list[Said]) -> Completion[T]:
    return Completion(
        value=answer.model_validate_json(said[-1].text),
        model=said[-1].model,
        input_tokens=sum(one.input_tokens for one in said),
        output_tokens=sum(one.output_tokens for one in said),
        text=said[-1].text,
    )


def _all_spoken(said: list[Said], last: Spoken | None) -> Spoken | None:
    """What was said and ``last``, which was no answer, together; the text is that of the last one with any."""
    spoken = [Spoken(one.text, one.input_tokens, one.output_tokens) for one in said]
    spoken += [last] if last else []
    if not spoken:
        return None
    text = next((one.text for one in reversed(spoken) if one.text), "")
    return Spoken(text, sum(one.input_tokens for one in spoken), sum(one.output_tokens for one in spoken))


def _repair(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_input=False, include_context=False)[:_SHOWN_ERRORS]
    lines = [f"- {'.'.join(map(str, problem['loc'])) or 'answer'}: {problem['msg']}" for problem in problems]
    return "That answer does not match the schema:\n" + "\n".join(lines) + "\nAnswer again, with valid JSON only."
