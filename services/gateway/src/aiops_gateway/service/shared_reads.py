"""Reading for many at once: who asks for the same entity at the same time gets it from the same read."""

import asyncio
import contextvars
from itertools import islice
from typing import Any, Final, TypeVar
from uuid import UUID

from aiops_common.postgres import DatabaseUnavailable, Pool
from aiops_contracts.base import Snapshot
from aiops_gateway.repository import read_model
from aiops_gateway.repository.read_model import KINDS, Kind, Stored

S = TypeVar("S", bound=Snapshot)

_AT_ONCE: Final = 50
"""Entities that one statement reads; each may be a megabyte."""


class SharedReads:
    """Reads one statement at a time, on one connection of the pool, however many ask.

    A read begins after everybody who shares it has asked, and no read begins before the last has ended. So nobody
    gets what was the case before they asked, and who asks again never gets anything older.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._asked: dict[tuple[str, UUID], asyncio.Future[Any]] = {}
        self._task: asyncio.Task[None] | None = None

    async def get(self, kind: Kind[S], identity: UUID) -> Stored[S] | None:
        """One row, None where there is none.

        Raises:
            DatabaseUnavailable: PostgreSQL cannot be reached.
        """
        key = (kind.name, identity)
        answer: asyncio.Future[Stored[S] | None] | None = self._asked.get(key)
        if answer is None:
            answer = self._asked[key] = asyncio.get_running_loop().create_future()
            if self._task is None:
                # An empty context: the reads serve many and must not run inside the trace of the first.
                self._task = asyncio.create_task(self._run(), name="shared-reads", context=contextvars.Context())
        # Who stops waiting must not take it from the others.
        return await asyncio.shield(answer)

    async def _run(self) -> None:
        try:
            while self._asked:
                first = next(iter(self._asked))[0]
                keys = list(islice((key for key in self._asked if key[0] == first), _AT_ONCE))
                await self._answer(KINDS[first], {identity: self._asked.pop((first, identity)) for _, identity in keys})
        finally:
            self._task = None

    async def _answer(self, kind: Kind[Any], asked: dict[UUID, asyncio.Future[Any]]) -> None:
        try:
            async with self._pool.connection() as connection:
                found = await read_model.get_many(connection, kind, list(asked))
        except Exception as error:
            for answer in asked.values():
                answer.set_exception(_again(error))
                answer.exception()  # nobody may be waiting any more, which is no fault
            return
        except BaseException:
            for answer in asked.values():
                answer.cancel()
            raise
        for identity, answer in asked.items():
            answer.set_result(found.get(identity))


def _again(error: Exception) -> Exception:
    # Each subscriber raises it for itself; one shared object would gather the tracebacks of all of them.
    return DatabaseUnavailable(str(error)) if isinstance(error, DatabaseUnavailable) else error
