"""Group commit: concurrent callers share one flush.

The batch is whatever gathered while the previous flush was in flight. There is no timer, so an idle system adds no
latency, and a busy one pays one transaction for many callers.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from opentelemetry.trace import Span

from aiops_common.telemetry import recording_span, working_for

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class _Waiting(Generic[T, R]):
    item: T
    future: "asyncio.Future[R]"
    span: Span | None
    """The caller's, where it is recorded: what the flush does is done for it too."""


class Batcher(Generic[T, R]):
    """Gathers items of concurrent callers and hands them to ``flush`` together.

    ``flush(items)`` returns one result or exception per item, in order, or raises. If it raises for more than one item,
    each is flushed again alone, so that one bad item never fails its neighbours; an exception for which ``fails_all``
    says true (a lost connection, say) fails the batch at once instead. The statements of a flush are told of in the
    trace of every caller.
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
        self._waiting: deque[_Waiting[T, R]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """Wait until the flush that carries ``item`` is done; returns its result or raises its error."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, future, recording_span()))
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

    async def _settle(self, batch: list[_Waiting[T, R]]) -> None:
        try:
            with working_for([one.span for one in batch]):
                results: Sequence[R | Exception] = await self._flush([one.item for one in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"flush returned {len(results)} results for {len(batch)} items")
        except Exception as error:
            if len(batch) > 1 and not self._fails_all(error):
                for single in batch:
                    await self._settle([single])
                return
            results = [error] * len(batch)
        except BaseException:
            for one in batch:
                one.future.cancel()
            raise
        for one, result in zip(batch, results, strict=True):
            if one.future.done():  # its caller has gone away meanwhile
                continue
            if isinstance(result, Exception):
                one.future.set_exception(result)
            else:
                one.future.set_result(result)
