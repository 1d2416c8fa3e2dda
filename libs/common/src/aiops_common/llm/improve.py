"""Engine first, model second: a model may improve a built-in result and can never take it away."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from functools import cache
from typing import Any, Final, Generic, TypeVar

from opentelemetry import trace
from pydantic import TypeAdapter

from aiops_common.deferral import Deferred
from aiops_common.llm import metrics
from aiops_common.llm.asking import ANSWERED, PARTLY_USED, Questions, reason_of
from aiops_common.llm.chain import Work
from aiops_common.llm.port import AnswerRejected, LanguageModel, ModelUnavailable
from aiops_common.logging import get_logger
from aiops_contracts.base import Engine, LlmRun

_log = get_logger(__name__)
_REASON_LENGTH = 200
_SHOWN: Final = 3
_NOT_PROVENANCE: Final = frozenset(("result", "runs"))

P = TypeVar("P")
R = TypeVar("R")

Flow = Callable[[Questions, R], Awaitable[R]]
"""How a built-in result is improved by questions. It raises what they raise, and leaves what it is given unchanged."""


@dataclass(frozen=True, slots=True)
class Improved(Generic[R]):
    """A result and how it came to be; the fields beside ``result`` and ``runs`` are those of ``base.Provenance``.

    ``engine`` LLM with ``degraded`` says that a part of what the model was asked for is missing, and which.
    """

    result: R
    engine: Engine = Engine.BUILTIN
    degraded: bool = False
    degraded_reason: str | None = None
    model: str | None = None
    prompt_version: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    runs: tuple[LlmRun, ...] = ()

    def provenance(self, kind: type[P], duration_ms: int) -> P:
        """How the result came to be, in the caller's own type with the fields of ``base.Provenance``."""
        fields = {f.name: getattr(self, f.name) for f in dataclass_fields(self) if f.name not in _NOT_PROVENANCE}
        found: P = _adapter(kind).validate_python({**fields, "duration_ms": duration_ms})
        return found


# Building an adapter costs more than all the rest of a built-in answer.
_adapter: Callable[..., TypeAdapter[Any]] = cache(TypeAdapter)


async def improve(model: LanguageModel | None, result: R, flow: Flow[R], work: Work) -> Improved[R]:
    """Let ``flow`` improve the built-in ``result`` by asking ``model``.

    Without a model the result is the built-in one and not degraded: that is how the system is meant to run offline.
    With a model, anything that goes wrong gives the built-in result, degraded, with the reason. Only cancellation
    propagates, and ``Deferred`` of a model that is worth waiting for, where the flow lets it: then there is no result
    and no run, and what was answered before is asked and paid for again. Every question is redacted once more on its
    way out, whatever the template did; each leaves a run, also one that failed.
    """
    try:
        improved = Improved(result) if model is None else await _improved(model, result, flow, work)
    except Deferred as deferred:
        trace.get_current_span().set_attribute("aiops.deferred_reason", deferred.reason)
        raise
    _tell(improved)
    return improved


async def _improved(model: LanguageModel, result: R, flow: Flow[R], work: Work) -> Improved[R]:
    questions = Questions(model, work)
    try:
        better = await flow(questions, result)
    except (ModelUnavailable, AnswerRejected) as error:
        return _degraded(result, questions, reason_of(error))
    except Deferred:
        raise
    except Exception as error:  # a defect in a template or in a check must not cost the user the built-in result
        version = _joined(run.template for run in questions.runs)
        _log.error("llm.improve_failed", error=type(error).__name__, prompt_version=version)
        return _degraded(result, questions, reason_of(error))
    used = [run for run in questions.runs if run.outcome in (ANSWERED, PARTLY_USED)]
    if not questions.runs:  # there was nothing to ask
        return Improved(result)
    if not used:
        return _degraded(result, questions, _left_out(questions.runs[-1].outcome, questions.dropped))
    return Improved(
        better,
        engine=Engine.LLM,
        degraded=bool(questions.dropped),
        degraded_reason=_left_out(PARTLY_USED, questions.dropped) if questions.dropped else None,
        model=_joined(run.model or "" for run in used),
        prompt_version=_joined(run.template for run in used),
        input_tokens=sum(run.input_tokens or 0 for run in questions.runs),
        output_tokens=sum(run.output_tokens or 0 for run in questions.runs),
        runs=tuple(questions.runs),
    )


def _degraded(result: R, questions: Questions, reason: str) -> Improved[R]:
    return Improved(
        result,
        degraded=True,
        degraded_reason=_readable(reason),
        prompt_version=_joined(run.template for run in questions.runs),
        runs=tuple(questions.runs),
    )


def _left_out(outcome: str, dropped: Sequence[str]) -> str:
    """What came of the answers, how much of them was not used, and of the first parts why."""
    if not dropped:
        return outcome
    return _readable(f"{outcome}, {len(dropped)} left out: {'; '.join(dropped[:_SHOWN])}")


def _readable(reason: str) -> str:
    # It may quote a model, whose NUL characters PostgreSQL refuses: with the reason, the result would be lost.
    return "".join(char if char.isprintable() else "\ufffd" for char in reason[:_REASON_LENGTH])


def _joined(names: Iterable[str]) -> str | None:
    return ", ".join(dict.fromkeys(name for name in names if name)) or None


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
