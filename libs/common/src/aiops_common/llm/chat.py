"""One exchange with a chat completions endpoint: the request, its span, and what its failures mean.

What the model was told and what it said appears in no log, span or error. The span is made here and not by
opentelemetry-util-genai, whose main work is to record just that.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

import openai
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam
from opentelemetry import trace
from opentelemetry.util.types import AttributeValue

from aiops_common.llm.breaker import Outage
from aiops_common.llm.port import ModelUnavailable, Spoken
from aiops_common.metrics import OTHER

_tracer = trace.get_tracer(__name__)

_NAME = re.compile(r"[A-Za-z0-9][\w.:/@+-]{0,99}", re.ASCII)
_FINISHED: Final = frozenset(("stop", "length", "content_filter", "tool_calls", "function_call"))

MOST_TOKENS: Final = 10_000_000
"""More than any model reads or writes at once. Whatever a server reports, sums of it can be stored in 32 bits."""


@dataclass(frozen=True, slots=True)
class Said:
    """What came back: the text of the first choice, and the tokens that the server counted (0 if it did not)."""

    text: str
    model: str
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Question:
    """Messages, and the request's other fields as the API names them."""

    prompt_name: str
    messages: list[ChatCompletionMessageParam]
    options: dict[str, Any]


async def say(
    client: openai.AsyncOpenAI,
    model: str,
    question: Question,
    server: Mapping[str, str | int],
    tracer: trace.Tracer = _tracer,
) -> Said:
    """Send ``question`` and read the first choice; ``server`` is its address as attributes.

    Raises ``Outage`` if the service fails, ``ModelUnavailable`` if it answers and there is nothing to use.
    Span attributes: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
    """
    # Exceptions of the client may quote the response's body, so the span records their kind only.
    with tracer.start_as_current_span(
        f"chat {model}",
        kind=trace.SpanKind.CLIENT,
        attributes={**_of_request(model, question), **server},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            completion = await _send(client, model, question)
            span.set_attributes(_of_response(completion))
            return _read(completion, model)
        except ModelUnavailable as error:
            span.set_attribute("error.type", error.reason)
            span.set_status(trace.StatusCode.ERROR, error.reason)
            raise
        except asyncio.CancelledError:  # by the deadline or by whoever asked
            span.set_attribute("error.type", "cancelled")
            span.set_status(trace.StatusCode.ERROR, "cancelled")
            raise


def _of_request(model: str, question: Question) -> dict[str, AttributeValue]:
    asked = {
        "gen_ai.request.max_tokens": question.options.get("max_completion_tokens"),
        "gen_ai.request.temperature": question.options.get("temperature"),
    }
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": model,
        "gen_ai.output.type": "json",
        "aiops.prompt.name": question.prompt_name,
        **{name: value for name, value in asked.items() if value is not None},
    }


def _of_response(completion: ChatCompletion) -> dict[str, AttributeValue]:
    """Names and numbers only, each checked: the server may put anything anywhere."""
    choices = getattr(completion, "choices", None)
    reasons = [getattr(choice, "finish_reason", None) for choice in choices[:1]] if isinstance(choices, list) else []
    told: dict[str, AttributeValue | None] = {
        "gen_ai.response.id": _name(getattr(completion, "id", None)),
        "gen_ai.response.model": _name(getattr(completion, "model", None)),
        "gen_ai.response.finish_reasons": [reason if reason in _FINISHED else OTHER for reason in reasons] or None,
        "gen_ai.usage.input_tokens": _count(getattr(completion, "usage", None), "prompt_tokens") or None,
        "gen_ai.usage.output_tokens": _count(getattr(completion, "usage", None), "completion_tokens") or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _name(value: object) -> str | None:
    """``value`` where it is short and of the characters of names, else None."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


async def _send(client: openai.AsyncOpenAI, model: str, question: Question) -> ChatCompletion:
    try:
        completion: ChatCompletion = await client.chat.completions.create(
            model=model, messages=question.messages, **question.options
        )
        return completion
    except openai.APITimeoutError:
        raise Outage("timeout") from None
    except openai.APIStatusError as error:
        raise _of_status(error) from None
    except openai.APIConnectionError:
        raise Outage("no connection") from None
    except (openai.OpenAIError, ValueError):  # a body that is no JSON, or none of an answer's shape
        raise ModelUnavailable("invalid answer") from None


def _of_status(error: openai.APIStatusError) -> ModelUnavailable:
    status = error.status_code
    if status == 429:
        return Outage("rate limited", retry_after=_retry_after(error))
    if status == 408:
        return Outage("timeout")
    if status >= 500:
        return Outage("server error", retry_after=_retry_after(error))
    if status in (401, 403):
        return ModelUnavailable("not authorized")
    return ModelUnavailable(f"request refused with status {status}")


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds from now, from seconds or a date (RFC 9110 10.2.3); None where it is missing or makes no sense."""
    value = error.response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        then = parsedate_to_datetime(value)
        now = parsedate_to_datetime(error.response.headers["date"])
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError, KeyError):
        return None


def _read(completion: ChatCompletion, asked_model: str) -> Said:
    # The client does not validate responses: of a server that is merely compatible, any field may be missing.
    try:
        choice = completion.choices[0]
        message, finished = choice.message, choice.finish_reason
        text, refusal = message.content, message.refusal
    except (AttributeError, IndexError, TypeError):
        raise ModelUnavailable("invalid answer") from None
    usage = completion.usage
    input_tokens, output_tokens = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    spoken = Spoken(next((said for said in (text, refusal) if isinstance(said, str)), ""), input_tokens, output_tokens)
    if refusal or finished == "content_filter":
        raise ModelUnavailable("refused", spoken=spoken)
    if finished == "length":
        raise ModelUnavailable("answer cut off", spoken=spoken)
    if not isinstance(text, str):
        raise ModelUnavailable("invalid answer", spoken=spoken)
    return Said(
        text=text,
        model=_name(completion.model) or asked_model,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
    )


def _count(usage: object, field: str) -> int:
    value = getattr(usage, field, 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return 0
    return min(value, MOST_TOKENS)
