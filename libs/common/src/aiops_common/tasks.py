"""Background tasks that end when they are told to."""

import asyncio


async def stop_task(task: asyncio.Task[None] | None) -> None:
    """Cancel ``task`` and wait for its end; an exception it ended with is raised here.

    Whoever waits may be cancelled meanwhile, as ever.
    """
    if task is None:
        return
    task.cancel()
    # Not ``await task``: it raises one and the same for the end of the task and for a cancellation of who waits.
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
