"""What one model at one provider has of its own: a breaker, a limit on calls at the same time, its bytes per token."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiops_common.llm import metrics
from aiops_common.llm.breaker import Breaker
from aiops_common.llm.budget import TokenRate
from aiops_common.llm.port import ModelUnavailable
from aiops_common.llm.settings import LLMSettings


class Lane:
    """The way to ``model``: one that is away or busy does not keep questions from the others."""

    def __init__(self, provider: str, model: str, settings: LLMSettings, clock: Callable[[], float]) -> None:
        metrics.begin_calls(provider, model)
        self.model = model
        self.rate = TokenRate()
        self.breaker = Breaker(
            provider=provider,
            model=model,
            failures=settings.llm_breaker_failures,
            reset_seconds=settings.llm_breaker_reset_seconds,
            clock=clock,
        )
        self._slots = asyncio.Semaphore(settings.llm_max_concurrency)
        self._wait_seconds = settings.llm_timeout_seconds

    @property
    def is_full(self) -> bool:
        """Whether a call has to wait for its slot."""
        return self._slots.locked()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the calls that are allowed at the same time; waits at most as long as for an answer.

        Raises ``ModelUnavailable``: "busy".
        """
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise ModelUnavailable("busy", passing=True) from None  # our own limit, no outage of the service
        try:
            yield
        finally:
            self._slots.release()


class Lanes:
    """The lane of each model that was asked so far; models are named by settings, so there are few."""

    def __init__(self, provider: str, settings: LLMSettings, clock: Callable[[], float]) -> None:
        self._provider = provider
        self._settings = settings
        self._clock = clock
        self._lanes: dict[str, Lane] = {}
        self.default = self.of(settings.llm_model)

    def of(self, model: str | None) -> Lane:
        """The lane of ``model``, made when it is first asked for; None is ``LLM_MODEL``."""
        name = model or self._settings.llm_model
        if name not in self._lanes:
            self._lanes[name] = Lane(self._provider, name, self._settings, self._clock)
        return self._lanes[name]
