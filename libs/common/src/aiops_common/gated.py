"""A part of a process that runs while what it needs is there, and only then."""

import asyncio
from collections.abc import Awaitable, Callable

from aiops_common.lifecycle import Component
from aiops_common.logging import get_logger
from aiops_common.tasks import stop_task

_log = get_logger(__name__)

WAITING_SECONDS = 1.0
"""How often it is asked whether what waits may run."""

RUNNING_SECONDS = 5.0
"""How often it is asked whether what runs still may; who knows that the answer changed says so by ``ask_now``."""


class Gated:
    """A component that runs ``component`` while ``check`` finds nothing wrong.

    ``check`` returns None when all is well, else what is wrong, in words for an operator; it is asked again and again.
    Where it raises, nobody knows: what runs goes on, and what does not run waits.
    """

    def __init__(
        self,
        component: Component,
        check: Callable[[], Awaitable[str | None]],
        *,
        name: str,
        waiting_seconds: float = WAITING_SECONDS,
        running_seconds: float = RUNNING_SECONDS,
    ) -> None:
        self._component = component
        self._check = check
        self._name = name
        self._waiting_seconds = waiting_seconds
        self._running_seconds = running_seconds
        self._asked = asyncio.Event()
        self._changing = asyncio.Lock()
        """Held while the component starts or stops: half a stop would let go of what it had in hand."""
        self._task: asyncio.Task[None] | None = None
        self._runs = False
        self._told: str | None = None

    @property
    def runs(self) -> bool:
        """Whether the component was started and has not stopped altogether."""
        return self._runs

    def ask_now(self) -> None:
        """The answer of ``check`` may be another one: ask at once."""
        self._asked.set()

    async def start(self) -> None:
        """Begin to ask; never fails."""
        self._task = asyncio.create_task(self._run(), name=f"gated-{self._name}")

    async def stop(self) -> None:
        """Ask no more, and stop what runs."""
        async with self._changing:
            await stop_task(self._task)
            if self._runs:
                await self._component.stop()
                self._runs = False

    async def _run(self) -> None:
        while True:
            await self._look()
            try:
                async with asyncio.timeout(self._running_seconds if self._runs else self._waiting_seconds):
                    await self._asked.wait()
            except TimeoutError:
                pass  # it is time
            self._asked.clear()

    async def _look(self) -> None:
        try:
            problem = await self._check()
        except Exception as error:
            if self._runs:
                return
            problem = f"{type(error).__name__}: {error}"
        async with self._changing:
            await (self._open() if problem is None else self._close(problem))

    async def _open(self) -> None:
        if self._runs:
            return
        if self._told is not None:
            _log.info("part.started", part=self._name)
        self._told = None
        self._runs = True
        await self._component.start()

    async def _close(self, problem: str) -> None:
        if problem != self._told:
            _log.warning("part.waits", part=self._name, problem=problem)
            self._told = problem
        if not self._runs:
            return
        try:
            await self._component.stop()
        except Exception as error:  # what does not end well has ended all the same, and is to be started again later
            _log.warning("part.stop_failed", part=self._name, error=f"{type(error).__name__}: {error}")
        self._runs = False
