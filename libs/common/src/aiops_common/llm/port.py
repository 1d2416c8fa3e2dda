"""What the services know of a language model: a prompt goes in, a validated answer or a reason comes out."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question to a model.

    ``name`` and ``version`` identify the template and are recorded with the answer. ``system`` holds instructions
    only. ``user`` may hold untrusted text, which the template delimits.
    """

    name: str
    version: str
    system: str
    user: str


@dataclass(frozen=True, slots=True)
class Completion(Generic[T]):
    """A validated answer, who gave it, and what it cost in tokens (all attempts of the call together)."""

    value: T
    model: str
    input_tokens: int
    output_tokens: int


class ModelUnavailable(Exception):
    """No usable answer could be had; ``reason`` is fit for a user and holds nothing of the prompt or the answer.

    ``retry_after`` is in seconds and set where the server or the breaker said when to come back. ``passing`` says that
    it has nothing to do with the prompt: the same question may be answered later.
    """

    def __init__(self, reason: str, *, retry_after: float | None = None, passing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.passing = passing


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
