"""Background tasks that end when they are told to."""

import asyncio
from typing import Final

CANCEL_AGAIN_SECONDS: Final = 3.0
"""How long a task that was told to end may take before it is told again: longer than it takes to give back what it
has in hand, e.g. a connection to PostgreSQL."""


async def stop_task(task: asyncio.Task[None] | None, *, again_seconds: float = CANCEL_AGAIN_SECONDS) -> None:
    """Cancel ``task`` and wait for its end; an exception it ended with is raised here.

    It is cancelled again every ``again_seconds``, since a cancellation may be lost: ``asyncio.wait_for``, with which
    libraries wait, forgets one that comes together with what it waits for. Whoever waits here may be cancelled
    meanwhile, as ever.
    """
    if task is None:
        return
    while not task.done():
        task.cancel()
        # Not ``await task``: it raises one and the same for the end of the task and for a cancellation of who waits.
        await asyncio.wait([task], timeout=again_seconds)
    if not task.cancelled():
        task.result()
