"""Group commit: concurrent callers share one flush.

The batch is whatever gathered while the previous flush was in flight. There is no timer, so an idle system adds no
latency, and a busy one pays one transaction for many callers.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """Gathers items of concurrent callers and hands them to ``flush`` together.

    ``flush(items)`` returns one result or exception per item, in order, or raises. If it raises for more than one item,
    each is flushed again alone, so that one bad item never fails its neighbours; an exception for which ``fails_all``
    says true (a lost connection, say) fails the batch at once instead.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]],
        *,
        max_items: int = 200,
        fails_all: Callable[[Exception], bool] = lambda _error: False,
    ) -> None:
        self._flush = flush
        self._max_items = max_items
        self._fails_all = fails_all
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """Wait until the flush that carries ``item`` is done; returns its result or raises its error."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None:
            # An empty context: a flush serves many callers and must not run inside the trace of the first.
            self._task = asyncio.create_task(self._drain(), name="batcher", context=contextvars.Context())
        return await future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                size = min(self._max_items, len(self._waiting))
                await self._settle([self._waiting.popleft() for _ in range(size)])
        finally:
            self._task = None

    async def _settle(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results: Sequence[R | Exception] = await self._flush([item for item, _ in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"flush returned {len(results)} results for {len(batch)} items")
        except Exception as error:
            if len(batch) > 1 and not self._fails_all(error):
                for single in batch:
                    await self._settle([single])
                return
            results = [error] * len(batch)
        except BaseException:
            for _, future in batch:
                future.cancel()
            raise
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():  # its caller has gone away meanwhile
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
