"""A model that is worth waiting for."""

from aiops_common.deferral import Deferred
from aiops_common.llm.port import Completion, LanguageModel, ModelUnavailable, Prompt, Room, T


class DeferringModel:
    """Asks ``model``; while that is away, the work is deferred instead of being finished without it.

    What a model answers to one prompt only (a refusal, an answer that breaks its schema) is no reason to wait.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    async def complete(self, prompt: Prompt, answer: type[T]) -> Completion[T]:
        """As ``model`` does, but raises ``Deferred`` where it is away."""
        try:
            return await self._model.complete(prompt, answer)
        except ModelUnavailable as error:
            if not error.passing:
                raise
            raise Deferred(f"language model: {error.reason}", retry_after=error.retry_after) from error

    def room(self, model: str | None = None) -> Room:
        """As ``model`` has it."""
        return self._model.room(model)
