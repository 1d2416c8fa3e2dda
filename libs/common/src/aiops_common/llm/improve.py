"""Engine first, model second: a model may improve a built-in result and can never take it away."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from functools import cache
from typing import Any, Generic, TypeVar

from opentelemetry import trace
from pydantic import BaseModel, TypeAdapter, ValidationError

from aiops_common.deferral import Deferred
from aiops_common.llm import metrics
from aiops_common.llm.port import AnswerRejected, Completion, LanguageModel, ModelUnavailable, Prompt
from aiops_common.logging import get_logger
from aiops_common.redaction import redact, restore_model
from aiops_contracts.base import Engine

_log = get_logger(__name__)
_REASON_LENGTH = 200

P = TypeVar("P")
R = TypeVar("R")
T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Improved(Generic[R]):
    """A result and how it came to be; the fields beside ``result`` are those of ``aiops_contracts.base.Provenance``."""

    result: R
    engine: Engine = Engine.BUILTIN
    degraded: bool = False
    degraded_reason: str | None = None
    model: str | None = None
    prompt_version: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None

    def provenance(self, kind: type[P], duration_ms: int) -> P:
        """How the result came to be, in the caller's own type with the fields of ``base.Provenance``."""
        fields = {f.name: getattr(self, f.name) for f in dataclass_fields(self) if f.name != "result"}
        found: P = _adapter(kind).validate_python({**fields, "duration_ms": duration_ms})
        return found


# Building an adapter costs more than all the rest of a built-in answer.
_adapter: Callable[..., TypeAdapter[Any]] = cache(TypeAdapter)


async def improve(
    model: LanguageModel | None,
    result: R,
    prompt: Callable[[], Prompt],
    answer: type[T],
    apply: Callable[[R, T], R],
) -> Improved[R]:
    """Ask ``model`` to improve the built-in ``result``; ``apply`` checks the answer against it and merges the two.

    Without a model the result is the built-in one and not degraded: that is how the system is meant to run offline.
    With a model, anything that goes wrong gives the built-in result, degraded, with the reason. Only cancellation
    propagates, and ``Deferred`` of a model that is worth waiting for. ``prompt.user`` is redacted once more on its way
    out, whatever the template did, and what was replaced here is put back into the answer before ``apply`` sees it.
    """
    try:
        improved = Improved(result) if model is None else await _improved(model, result, prompt, answer, apply)
    except Deferred as deferred:
        trace.get_current_span().set_attribute("aiops.deferred_reason", deferred.reason)
        raise
    _tell(improved)
    return improved


async def _improved(
    model: LanguageModel,
    result: R,
    prompt: Callable[[], Prompt],
    answer: type[T],
    apply: Callable[[R, T], R],
) -> Improved[R]:
    version: str | None = None
    try:
        asked = prompt()
        version = asked.version
        completion = await _ask(model, asked, answer)
        return Improved(
            apply(result, completion.value),
            engine=Engine.LLM,
            model=completion.model,
            prompt_version=version,
            input_tokens=completion.input_tokens,
            output_tokens=completion.output_tokens,
        )
    except ModelUnavailable as error:
        reason = error.reason
    except AnswerRejected as error:
        reason = f"{metrics.ANSWER_REJECTED}: {redact(str(error)).text}"
    except Deferred:
        raise
    except Exception as error:  # a defect in a template or in apply must not cost the user the built-in result
        reason = f"{metrics.INTERNAL_ERROR}: {type(error).__name__}"
        _log.error("llm.improve_failed", error=type(error).__name__, prompt_version=version)
    return Improved(result, degraded=True, degraded_reason=reason[:_REASON_LENGTH], prompt_version=version)


def _tell(improved: Improved[R]) -> None:
    """Count the result, and note on the span of the work how it came to be; a reason without what may follow it."""
    degraded = "true" if improved.degraded else "false"
    metrics.RESULTS.labels(improved.engine.value.lower(), degraded).inc()
    span = trace.get_current_span()
    span.set_attribute("aiops.engine", improved.engine.value.lower())
    span.set_attribute("aiops.degraded", improved.degraded)
    if improved.degraded_reason is not None:
        reason = metrics.reason_label(improved.degraded_reason)
        metrics.DEGRADED.labels(reason).inc()
        span.set_attribute("aiops.degraded_reason", reason)


async def _ask(model: LanguageModel, asked: Prompt, answer: type[T]) -> Completion[T]:
    outgoing = redact(asked.user)
    if not outgoing.count:
        return await model.complete(asked, answer)
    safe = Prompt(name=asked.name, version=asked.version, system=asked.system, user=outgoing.text)
    completion = await model.complete(safe, answer)
    try:
        restored = restore_model(completion.value, outgoing)
    except ValidationError:
        raise AnswerRejected("it breaks its schema once the redacted parts are put back") from None
    return Completion(
        value=restored,
        model=completion.model,
        input_tokens=completion.input_tokens,
        output_tokens=completion.output_tokens,
    )
