"""How a background task is stopped."""

import asyncio
import contextlib

import pytest

from aiops_common.tasks import stop_task


async def test_who_waits_for_the_end_can_be_cancelled() -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow_to_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            begun.set()
            await may_end.wait()

    async def waits() -> str:
        await stop_task(task)
        return "went on as if nothing had been"

    task = asyncio.create_task(slow_to_end())
    await asyncio.sleep(0)
    waiting = asyncio.create_task(waits())
    await begun.wait()
    waiting.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait([task])


async def test_what_a_task_ended_with_is_raised() -> None:
    async def fails() -> None:
        raise ValueError("broken")

    task = asyncio.create_task(fails())
    await asyncio.wait([task])
    with pytest.raises(ValueError, match="broken"):
        await stop_task(task)
    await stop_task(None)


async def test_a_task_that_loses_a_cancellation_is_cancelled_again() -> None:
    async def loses_one() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    task = asyncio.create_task(loses_one())
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await stop_task(task, again_seconds=0.01)
    assert task.cancelled()
