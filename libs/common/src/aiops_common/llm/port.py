"""What the services know of a language model: a prompt goes in, a validated answer or a reason comes out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question to a model.

    ``name`` and ``version`` identify the template and are recorded with the answer. ``system`` holds instructions
    only. ``user`` may hold untrusted text, which the template delimits. ``model`` and the budgets are those of the
    step that asks; None stands for the ones that are set for all. ``bytes_per_token`` is the rate at which the material
    was cut to fit, so that it is not refused by another one that was learned since; None stands for what is known now.
    ``check_wanted`` is awaited before each request for which it had to wait, in a line or for another answer; it raises
    ``ModelUnavailable`` where nobody wants the answer any more.
    """

    name: str
    version: str
    system: str
    user: str
    model: str | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    bytes_per_token: float | None = None
    check_wanted: Callable[[], Awaitable[None]] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Room:
    """How much one question may hold and its answer may have, in tokens, and whom ``model`` names."""

    model: str
    input_tokens: int
    output_tokens: int
    bytes_per_token: float

    @property
    def input_bytes(self) -> int:
        """Bytes of UTF-8 that fit into a question, its instructions included."""
        return int(self.input_tokens * self.bytes_per_token)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a model said, as it said it, and what that cost (all attempts of the call together)."""

    text: str
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Completion(Generic[T]):
    """A validated answer, who gave it, what it cost in tokens, and ``text``, as the model wrote it."""

    value: T
    model: str
    input_tokens: int
    output_tokens: int
    text: str = ""


class ModelUnavailable(Exception):
    """No usable answer could be had; ``reason`` is fit for a user and holds nothing of the prompt or the answer.

    ``retry_after`` is in seconds and set where the server or the breaker said when to come back. ``passing`` says that
    it has nothing to do with the prompt: the same question may be answered later. ``spoken`` is what the model said
    where that was no answer; it is for the record of the question only.
    """

    def __init__(
        self, reason: str, *, retry_after: float | None = None, passing: bool = False, spoken: Spoken | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.passing = passing
        self.spoken = spoken


class AnswerRejected(Exception):
    """A well-formed answer broke a rule of the asking service, which the message names: an uncited number, a label
    outside the closed set, an id that was not in the prompt."""


class LanguageModel(Protocol):
    """A model that answers in the shape of a pydantic class and has no tools."""

    async def complete(self, prompt: Prompt, answer: type[T]) -> Completion[T]:
        """Ask ``prompt``; the answer is validated against ``answer``.

        Raises ``ModelUnavailable`` for everything that keeps a valid answer from coming; cancellation propagates.
        """
        ...

    def room(self, model: str | None = None) -> Room:
        """What fits into a question to ``model`` (None: the one that is set for all), by what is known by now."""
        ...
