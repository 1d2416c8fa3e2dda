"""Starting the parts of a process in order, and stopping them in the reverse order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, Protocol

from aiops_common.logging import get_logger

_log = get_logger(__name__)

STOP_SECONDS: Final = 35.0
"""How long all parts together may take to stop, whatever is away. An orchestrator that kills what does not end gives
more than this, with the time for open requests before it."""


class Component(Protocol):
    """A part of a process that runs in the background or holds connections."""

    async def start(self) -> None:
        """Begin to work."""

    async def stop(self) -> None:
        """End within a bounded time and give everything back."""


@asynccontextmanager
async def running(components: Sequence[Component], *, stop_seconds: float = STOP_SECONDS) -> AsyncIterator[None]:
    """Start ``components`` one after the other; on leaving stop those that were started, last one first.

    When they have taken ``stop_seconds``, the one that is being stopped, and those that are left, are told to stop
    and not waited for.
    """
    started: list[Component] = []
    try:
        for component in components:
            await component.start()
            started.append(component)
        yield
    finally:
        deadline = asyncio.get_running_loop().time() + stop_seconds
        async with AsyncExitStack() as stack:
            for component in started:
                stack.push_async_callback(_stop, component, deadline)


async def _stop(component: Component, deadline: float) -> None:
    try:
        async with asyncio.timeout_at(deadline) as time:
            await component.stop()
    except TimeoutError:
        if not time.expired():
            raise
        _log.warning("part.cut_short", part=type(component).__name__)
