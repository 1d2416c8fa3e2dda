"""Waiting for what must become true, with a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(look: Callable[[], Awaitable[T | None]], *, seconds: float = 20.0, every: float = 0.05) -> T:
    """The first true value that ``look`` returns; AssertionError when the deadline passes without one."""
    deadline = time.monotonic() + seconds
    while True:
        value = await look()
        if value:
            return value
        assert time.monotonic() < deadline, f"did not happen within {seconds:g} s; last seen: {value!r}"
        await asyncio.sleep(every)
