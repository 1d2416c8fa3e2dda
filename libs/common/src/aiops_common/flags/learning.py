"""A service that starts asks once what the flags are: one that was not there yet had nobody to tell it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pydantic import BaseModel

from aiops_common.flags import table
from aiops_common.logging import get_logger
from aiops_common.messaging.message import Delivery
from aiops_common.messaging.requests import NoReply, Requester
from aiops_common.postgres import DatabaseUnavailable, Pool
from aiops_common.tasks import stop_task
from aiops_contracts.base import Event, FeatureFlag, Request

_log = get_logger(__name__)

FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 30.0
PAGE_SIZE: Final = 500


class Page(Protocol):
    """A part of the owner's answer."""

    @property
    def snapshots(self) -> Sequence[FeatureFlag]:
        """Flags in the order of their keys."""

    @property
    def next_after(self) -> str | None:
        """The last one's key, None where nothing follows."""


@dataclass(frozen=True, slots=True)
class FlagOwner:
    """Who decides what the flags are, and by which messages it tells: ``changed`` has a ``flag``, ``replay`` takes
    ``after`` and ``limit``, and ``replayed`` is a ``Page``."""

    name: str
    changed: type[Event]
    replay: type[Request]
    replayed: type[BaseModel]


class Learning:
    """A component that asks ``owner`` until it was answered, and keeps the answer; the later one wins, so events
    may come meanwhile. It needs ``requester`` for itself: its connection is closed afterwards."""

    def __init__(self, pool: Pool, requester: Requester, owner: FlagOwner, *, principal: str) -> None:
        self._pool = pool
        self._requester = requester
        self._owner = owner
        self._principal = principal
        self._task: asyncio.Task[None] | None = None

    async def take(self, delivery: Delivery[Any]) -> None:
        """Keep what an event of the owner tells."""
        async with self._pool.transaction() as connection:
            await table.keep(connection, [delivery.message.flag])

    async def start(self) -> None:
        """Begin to ask in the background; never fails. What is known from before holds until there is an answer."""
        self._task = asyncio.create_task(self._run(), name="flags-learning")

    async def stop(self) -> None:
        """Ask no more."""
        await stop_task(self._task)
        self._task = None
        await self._requester.stop()

    async def _run(self) -> None:
        wait = FIRST_WAIT_SECONDS
        while True:
            try:
                flags = await self._all()
                async with self._pool.transaction() as connection:
                    changed = await table.keep(connection, flags)
                break
            except (NoReply, DatabaseUnavailable) as error:
                _log.debug("flags.not_learned", error=str(error), retry_in_seconds=wait)
            except Exception as error:
                # The schema may only be migrated later, for example; without the answer a new flag would stay unknown.
                _log.warning("flags.unlearnable", error_class=type(error).__name__, retry_in_seconds=wait)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)
        _log.info("flags.learned", flags=len(flags), changed=len(changed))
        await self._requester.stop()

    async def _ask(self, after: str | None) -> Any:
        request = self._owner.replay.model_validate({"after": after, "limit": PAGE_SIZE})
        return await self._requester.ask(self._owner.name, request, self._owner.replayed, principal=self._principal)

    async def _all(self) -> list[FeatureFlag]:
        flags: list[FeatureFlag] = []
        after: str | None = None
        while True:
            page: Page = await self._ask(after)
            flags += page.snapshots
            after = page.next_after
            if after is None:
                return flags
