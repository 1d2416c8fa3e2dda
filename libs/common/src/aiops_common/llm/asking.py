"""The questions of one piece of work: what is asked, what of the answers is used, and the record of each.

The order is fixed: redact → budget → ask → schema → put back what was redacted → citations (``check``), which are
compared with evidence that is as it was before. Nothing of an answer is used that did not go all this way.
"""

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError
from uuid6 import uuid7

from aiops_common.deferral import Deferred
from aiops_common.llm import metrics
from aiops_common.llm.chain import Link, Work
from aiops_common.llm.port import AnswerRejected, Completion, LanguageModel, ModelUnavailable, Prompt, Room, Spoken
from aiops_common.llm.templates import Value
from aiops_common.redaction import Redacted, redact, restore_model
from aiops_common.telemetry import current_trace_id
from aiops_contracts.base import LlmRun

T = TypeVar("T", bound=BaseModel)

KEPT_BYTES: Final = 32 * 1024
"""How much of a question and of its answer is recorded, in bytes of UTF-8 each."""

ANSWERED: Final = "answered"
PARTLY_USED: Final = metrics.PARTLY_USED
AT_ONCE: Final = 4
_NAME_LENGTH: Final = 200
_EXPECTED: Final = (ModelUnavailable, AnswerRejected, Deferred)
_WORD: Final = re.compile(r"\w{2,}")
_UNSAID: Final = "a part with something redacted in it breaks a rule"


@dataclass(frozen=True, slots=True)
class Checked(Generic[T]):
    """What of an answer may be used; ``dropped`` says of each part that may not, why, without quoting much of it."""

    answer: T
    dropped: tuple[str, ...] = ()


Check = Callable[[T], Checked[T]]


@dataclass(frozen=True, slots=True)
class Inquiry(Generic[T]):
    """One question of a step. ``check`` raises ``AnswerRejected`` where nothing of the answer may be used."""

    link: Link
    values: Mapping[str, Value]
    answer: type[T]
    check: Check[T]

    @property
    def prompt(self) -> Prompt:
        """What is asked, before it is redacted; raises ``InvalidTemplate``."""
        return self.link.prompt(self.values)


@dataclass(slots=True)
class Questions:
    """Asks ``model`` for one piece of work. ``runs`` are the questions so far, ``dropped`` what was left out.

    Bytes per token are those that were known of a model when its room was first asked for: what was cut to fit by them
    is measured by them.
    """

    model: LanguageModel
    work: Work
    runs: list[LlmRun] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    _until: float = field(init=False)
    _rates: dict[str, float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._until = time.monotonic() + self.work.seconds

    def room(self, link: Link) -> Room:
        """What fits into a question of this step and its answer."""
        room = self.model.room(link.model)
        return replace(
            room,
            input_tokens=link.max_input_tokens or room.input_tokens,
            output_tokens=link.max_output_tokens or room.output_tokens,
            bytes_per_token=self._rates.setdefault(room.model, room.bytes_per_token),
        )

    def text_bytes(self, link: Link, values: Mapping[str, Value]) -> int:
        """Bytes of UTF-8 that are left for foreign text beside the instructions and ``values``, where it is empty."""
        prompt = link.prompt(values)
        return max(0, self.room(link).input_bytes - len((prompt.system + prompt.user).encode()))

    async def ask(self, inquiry: Inquiry[T]) -> T:
        """What of the answer may be used.

        Raises ``ModelUnavailable`` and ``AnswerRejected``; ``Deferred`` where the model is worth waiting for.
        """
        prompt = inquiry.prompt
        outgoing = redact(prompt.user)
        sent = replace(prompt, user=outgoing.text, bytes_per_token=self.room(inquiry.link).bytes_per_token)
        record = _Record(self, inquiry.link, sent)
        try:
            completion = await self._before_deadline(sent, inquiry.answer)
            record.spoken(completion)
            checked = _checked(inquiry, completion.value, outgoing)
        except ModelUnavailable as error:
            record.end(metrics.reason_label(error.reason), error.spoken)
            raise
        except Deferred as error:
            away = error.__cause__ if isinstance(error.__cause__, ModelUnavailable) else ModelUnavailable(error.reason)
            record.end(metrics.reason_label(away.reason), away.spoken)
            raise
        except AnswerRejected:
            record.end(metrics.ANSWER_REJECTED)
            raise
        except ValidationError:
            record.end(metrics.ANSWER_REJECTED)
            raise AnswerRejected("it breaks its schema once the redacted parts are put back") from None
        except Exception:
            record.end(metrics.INTERNAL_ERROR)
            raise
        record.end(PARTLY_USED if checked.dropped else ANSWERED)
        self.dropped.extend(f"{inquiry.link.step}: {redact(why).text}" for why in checked.dropped)
        return checked.answer

    async def ask_each(self, inquiries: Sequence[Inquiry[T]], what: str) -> list[T | None]:
        """The answers to several questions, a few at the same time; None where there is none, which is noted.

        One that fails does not take the others away, which are paid for: ``Deferred`` neither, then it is left out.
        Raises the first error where all fail (``Deferred`` before others), and a defect always. ``what`` names them:
        "windows".
        """
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(inquiry: Inquiry[T]) -> T | Exception:
            async with gate:
                try:
                    return await self.ask(inquiry)
                except Exception as error:
                    return error

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(inquiry)) for inquiry in inquiries]
        found = [task.result() for task in tasks]
        errors = [one for one in found if isinstance(one, Exception)]
        # What says least about one answer comes first: a defect, then that the model is worth waiting for.
        errors.sort(
            key=lambda error: (isinstance(error, _EXPECTED), isinstance(error, ModelUnavailable | AnswerRejected))
        )
        if errors and (len(errors) == len(found) or not isinstance(errors[0], _EXPECTED)):
            raise errors[0]
        if errors:
            self.dropped.append(f"{len(errors)} of {len(found)} {what}: {reason_of(errors[0])}")
        return [None if isinstance(one, Exception) else one for one in found]

    def leave_out(self, what: str, error: ModelUnavailable | AnswerRejected | Deferred) -> None:
        """Note that the result goes without ``what``, because of ``error``."""
        self.dropped.append(f"{what}: {reason_of(error)}")

    async def _before_deadline(self, prompt: Prompt, answer: type[T]) -> Completion[T]:
        try:
            async with asyncio.timeout(self._until - time.monotonic()):
                return await self.model.complete(prompt, answer)
        except TimeoutError:
            raise ModelUnavailable("timeout", passing=True) from None


def _checked(inquiry: Inquiry[T], answer: T, outgoing: Redacted) -> Checked[T]:
    """What may be used of ``answer``, with the originals in it; why the rest may not, without quoting them."""
    if not outgoing.count:
        return inquiry.check(answer)
    try:
        checked = inquiry.check(restore_model(answer, outgoing))
    except AnswerRejected as error:
        raise AnswerRejected(_without_originals(str(error), outgoing)) from None
    return replace(checked, dropped=tuple(_without_originals(why, outgoing) for why in checked.dropped))


def _without_originals(why: str, outgoing: Redacted) -> str:
    # What was found by the words around it is not found again in a reason, nor where it was cut.
    words = _WORD.findall(why.casefold())
    originals = [original.casefold() for original in outgoing.originals.values()]
    return _UNSAID if any(word in original for word in words for original in originals) else why


def reason_of(error: Exception) -> str:
    """Why an answer was not used, in words that a user may read."""
    if isinstance(error, ModelUnavailable | Deferred):
        return error.reason
    if isinstance(error, AnswerRejected):
        return f"{metrics.ANSWER_REJECTED}: {redact(str(error)).text}"
    return f"{metrics.INTERNAL_ERROR}: {type(error).__name__}"


class _Record:
    """A question under way; it becomes a run when it ends."""

    def __init__(self, questions: Questions, link: Link, prompt: Prompt) -> None:
        self._questions = questions
        self._link = link
        self._prompt = prompt
        self._model = questions.model.room(link.model).model
        self._at = datetime.now(UTC)
        self._started = time.monotonic()
        self._spoken: Spoken | None = None

    def spoken(self, completion: Completion[T]) -> None:
        """The model answered."""
        self._model = completion.model
        self._spoken = Spoken(completion.text, completion.input_tokens, completion.output_tokens)

    def end(self, outcome: str, spoken: Spoken | None = None) -> None:
        """It is over."""
        said = spoken or self._spoken
        work = self._questions.work
        self._questions.runs.append(
            LlmRun(
                id=UUID(bytes=uuid7().bytes),
                operation=work.operation,
                step=self._link.step,
                template=self._prompt.version,
                model=self._model[:_NAME_LENGTH] or None,
                outcome=outcome,
                input=_kept(f"{self._prompt.system}\n---user---\n{self._prompt.user}"),
                # A model may say what nobody told it.
                output=None if said is None else _kept(redact(said.text).text),
                input_tokens=said.input_tokens if said else None,
                output_tokens=said.output_tokens if said else None,
                duration_ms=round((time.monotonic() - self._started) * 1000),
                subject=work.subject,
                trace_id=current_trace_id(),
                at=self._at,
            )
        )


def _kept(text: str) -> str:
    """``text`` as it can be stored, cut where it is long."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace")[:KEPT_BYTES].decode("utf-8", "ignore")
