"""Starting the parts of a process in order, and stopping them in the reverse order."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol


class Component(Protocol):
    """A part of a process that runs in the background or holds connections."""

    async def start(self) -> None:
        """Begin to work."""

    async def stop(self) -> None:
        """End within a bounded time and give everything back."""


@asynccontextmanager
async def running(components: Sequence[Component]) -> AsyncIterator[None]:
    """Start ``components`` one after the other; on leaving stop those that were started, last one first."""
    async with AsyncExitStack() as stack:
        for component in components:
            await component.start()
            stack.push_async_callback(component.stop)
        yield
