"""Reading: single entities, pages of lists, accounts, changes."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from aiops_common.postgres import Pool
from aiops_contracts.auth import UserSnapshot
from aiops_contracts.base import Snapshot
from aiops_gateway.domain.access import Viewer
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.repository import accounts, read_model
from aiops_gateway.repository.read_model import Filter, Kind, Page
from aiops_gateway.service.changes import Changes
from aiops_gateway.service.shared_reads import SharedReads

S = TypeVar("S", bound=Snapshot)


class NotThere(Exception):
    """There is no entity with the id that was given."""


@dataclass(frozen=True, slots=True)
class Seen(Generic[S]):
    """An entity as a subscriber is told of it.

    ``is_change`` is false for the state that was there already; ``traceparent`` is of what wrote a change, None where
    that trace is not recorded.
    """

    snapshot: S
    is_change: bool
    traceparent: str | None = None


class Reader:
    """Reads the read model. All methods raise DatabaseUnavailable where PostgreSQL cannot be reached."""

    def __init__(self, pool: Pool, changes: Changes) -> None:
        self._pool = pool
        self._changes = changes
        self._shared = SharedReads(pool)

    async def get(self, kind: Kind[S], identity: UUID) -> S | None:
        """One entity, None where there is none."""
        async with self._pool.connection() as connection:
            return await read_model.get(connection, kind, identity)

    async def contents(self, ids: Sequence[UUID]) -> dict[UUID, str]:
        """The texts of log entries."""
        async with self._pool.connection() as connection:
            return await read_model.contents(connection, ids)

    async def page(self, kind: Kind[S], request: PageRequest, condition: Filter) -> Page[S]:
        """One page of a list, newest first."""
        async with self._pool.connection() as connection:
            return await read_model.page(connection, kind, request, condition)

    async def count(self, kind: Kind[S], condition: Filter) -> int:
        """How many entities match."""
        async with self._pool.connection() as connection:
            return await read_model.count(connection, kind, condition)

    async def user(self, user_id: UUID) -> UserSnapshot | None:
        """One account, None where there is none."""
        async with self._pool.connection() as connection:
            return await accounts.get_user(connection, user_id)

    async def users(self, request: PageRequest) -> tuple[list[UserSnapshot], bool]:
        """One page of accounts, newest first, and whether there are more."""
        async with self._pool.connection() as connection:
            return await accounts.user_page(connection, request)

    async def count_users(self) -> int:
        """How many accounts there are."""
        async with self._pool.connection() as connection:
            return await accounts.count_users(connection)

    async def watch(self, kind: Kind[S], identity: UUID | None, viewer: Viewer) -> AsyncIterator[Seen[S] | None]:
        """The present state of one entity, then it again after every change; or every entity of the kind as it changes.

        Versions of one entity never go backwards. None comes in between whenever it is time to look whether
        ``viewer`` may still read.

        Raises:
            NotThere: there is no entity ``identity``.
            SlowReader: the caller does not keep up.
            ChangesMissed: changes may have been missed, and it may be any entity that changed.
        """
        # The subscription begins before the first read, so nothing falls between the two.
        with self._changes.subscribe(kind.name, identity, viewer.user_id) as subscriber:
            told = -1
            if identity is not None:
                present = await self._shared.get(kind, identity)
                if present is None:
                    raise NotThere(f"there is no {kind.name} with this id")
                told = present.snapshot.version
                yield Seen(present.snapshot, is_change=False)
            async for changed in subscriber.changes():
                stored = await self._shared.get(kind, changed) if changed is not None else None
                if changed is None:
                    yield None
                elif stored is not None and stored.snapshot.version > told:
                    told = stored.snapshot.version if identity is not None else told
                    yield Seen(stored.snapshot, is_change=True, traceparent=stored.traceparent)
