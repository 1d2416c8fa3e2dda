"""One answer for all repetitions of a request that is done here, whichever gateway they come to.

The first claims its key for a while and puts the end of the claim off as long as it works; what it answers is kept.
Repetitions in the same process wait for it, those elsewhere look for the answer until their deadline. Where the process
died, the claim runs out, and the next repetition does what is left to do.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid4

from aiops_common.logging import get_logger
from aiops_common.postgres import Connection, DatabaseUnavailable, Pool
from aiops_common.single_flight import SingleFlight
from aiops_gateway.repository import answers
from aiops_gateway.repository.acceptance import Key
from aiops_gateway.service.acceptance import Identity, KeyReused

_log = get_logger(__name__)

Answer: TypeAlias = dict[str, Any]
"""What is kept: JSON."""

_End: TypeAlias = Callable[[Connection, UUID, UUID], Awaitable[None]]
"""What becomes of a claim whose work failed."""

_FIRST_LOOK_SECONDS: Final = 0.05
_LONGEST_WAIT_SECONDS: Final = 1.0
_TRIES_TO_KEEP: Final = 5


class StillRunning(Exception):
    """Another gateway works on the same request, and has not answered in time."""

    def __init__(self) -> None:
        super().__init__("the same request is still running elsewhere; repeat it with the same idempotency key")


class Answers:
    """Does things once for a key. ``wait_seconds`` is how long a repetition waits for another gateway's answer."""

    def __init__(self, pool: Pool, *, wait_seconds: float, lease_seconds: float = 30.0) -> None:
        self._pool = pool
        self._wait_seconds = wait_seconds
        self._lease_seconds = lease_seconds
        self._running = SingleFlight[Answer]()

    async def once(
        self, identity: Identity, act: Callable[[], Awaitable[Answer]], *, may_be_done: bool = False
    ) -> Answer:
        """The answer of ``act``, or the one that it gave before under the same key.

        An ``act`` that raises has not done anything that counts: its key may be used again, for the same only if it
        ``may_be_done`` all the same, as by somebody whose answer got lost. It is not cancelled with the request that it
        began with, others may be waiting for it.

        Raises:
            KeyReused: the key stands for something else.
            StillRunning: another gateway is at it.
            DatabaseUnavailable: nobody can tell whether it was done.
        """
        if identity.digest is None:
            return await act()
        key = Key(identity.message_id, identity.digest)
        end = answers.let_go if may_be_done else answers.release
        return await self._running.do((key.message_id, key.digest), lambda: self._claim_or_wait(key, act, end))

    async def _claim_or_wait(self, key: Key, act: Callable[[], Awaitable[Answer]], end: _End) -> Answer:
        claimant = uuid4()
        pause = _FIRST_LOOK_SECONDS
        deadline = asyncio.get_running_loop().time() + self._wait_seconds
        while True:
            async with self._pool.connection() as connection:
                claimed = await answers.claim(connection, key, claimant, self._lease_seconds)
                kept = None if claimed else await answers.get(connection, key.message_id)
            if claimed:
                return await self._act(key.message_id, claimant, act, end)
            if kept is not None and kept.digest != key.digest:
                _log.info("idempotency_key.reused", message_id=key.message_id)
                raise KeyReused
            if kept is not None and kept.answer is not None:
                return kept.answer
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                raise StillRunning
            await asyncio.sleep(min(left, pause * random.uniform(0.5, 1.0)))  # noqa: S311 -- spreads load, no secret
            pause = min(2 * pause, _LONGEST_WAIT_SECONDS)

    async def _act(self, message_id: UUID, claimant: UUID, act: Callable[[], Awaitable[Answer]], end: _End) -> Answer:
        prolonging = asyncio.create_task(self._prolong(message_id, claimant))
        try:
            answer = await act()
        except BaseException:
            prolonging.cancel()
            with suppress(DatabaseUnavailable):  # the claim runs out by itself then
                async with self._pool.connection() as connection:
                    await end(connection, message_id, claimant)
            raise
        try:
            await self._keep(message_id, answer)
        finally:
            prolonging.cancel()
        return answer

    async def _prolong(self, message_id: UUID, claimant: UUID) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            with suppress(DatabaseUnavailable):
                async with self._pool.connection() as connection:
                    await answers.prolong(connection, message_id, claimant, self._lease_seconds)

    async def _keep(self, message_id: UUID, answer: Answer) -> None:
        # It was done: whoever asked is told so, even where no repetition will be.
        for attempt in range(_TRIES_TO_KEEP):
            try:
                async with self._pool.connection() as connection:
                    await answers.keep(connection, message_id, answer)
                return
            except DatabaseUnavailable as error:
                _log.warning("answers.not_kept", message_id=str(message_id), attempt=attempt + 1, error=str(error))
                await asyncio.sleep(_FIRST_LOOK_SECONDS * 2**attempt)
