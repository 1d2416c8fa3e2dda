"""Histories: asked of the owners, who keep a row for each version."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import orjson

from aiops_common.messaging.requests import NoReply, Requester
from aiops_contracts.base import ChangePage, ChangeRecord, Request
from aiops_contracts.changelog import ListChangelogChanges
from aiops_contracts.summarizer import ListLogChanges
from aiops_contracts.triage import ListTicketChanges
from aiops_gateway.domain.access import Viewer
from aiops_gateway.domain.history import TooMuchHistory, states

MOST_VERSIONS: Final = 1_000
MOST_BYTES: Final = 16 * 1024 * 1024
"""Of what changed, and of states, in one answer; as JSON."""

_PAGE: Final = 200
_DEADLINE_SECONDS: Final = 15.0
"""For all pages together; each has the deadline of a request besides."""


@dataclass(frozen=True, slots=True)
class _Owner:
    name: str
    request: Callable[[UUID, int, int], Request]


_OWNERS: Final[Mapping[str, _Owner]] = {
    "LogEntry": _Owner("summarizer", lambda one, after, limit: ListLogChanges(log_id=one, after=after, limit=limit)),
    "Ticket": _Owner("triage", lambda one, after, limit: ListTicketChanges(ticket_id=one, after=after, limit=limit)),
    "Changelog": _Owner(
        "changelog", lambda one, after, limit: ListChangelogChanges(changelog_id=one, after=after, limit=limit)
    ),
}


@dataclass(slots=True)
class History:
    """Versions of one entity, oldest first; what it was after each is found out when it is asked for."""

    type_name: str
    identity: UUID
    viewer: Viewer
    changes: list[ChangeRecord]
    _document_before: Callable[[], Awaitable[dict[str, Any]]]
    _states: list[dict[str, Any]] | None = None
    _folding: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def state(self, index: int) -> dict[str, Any]:
        """The owner's document after the change number ``index``, without id and version. Raises NoReply."""
        async with self._folding:
            if self._states is None:
                deltas = (change.delta for change in self.changes)
                self._states = list(states(deltas, await self._document_before()))
        return self._states[index]


class Histories:
    """Reads histories. All methods raise NoReply where an owner does not answer in time."""

    def __init__(self, requester: Requester) -> None:
        self._requester = requester

    async def of(self, viewer: Viewer, type_name: str, identity: UUID, after: int, first: int | None) -> History:
        """The versions of a LogEntry, Ticket or Changelog above ``after``, ``first`` of them or all.

        Raises:
            TooMuchHistory: there are more than MOST_VERSIONS, or more than MOST_BYTES of changes.
        """
        changes: list[ChangeRecord] = []
        size = 0
        async with _within_deadline():
            async for page in self._pages(viewer, type_name, identity, after, first):
                changes += page
                size += sum(len(orjson.dumps(change.delta)) for change in page)
                if len(changes) > MOST_VERSIONS:
                    raise TooMuchHistory(
                        f"there are more than {MOST_VERSIONS:,} versions; ask for some at a time with first, "
                        "and for those behind them with afterVersion"
                    )
                check_size(size)

        async def document_before() -> dict[str, Any]:
            return await self._document_at(viewer, type_name, identity, after)

        return History(type_name, identity, viewer, changes, document_before)

    async def _document_at(self, viewer: Viewer, type_name: str, identity: UUID, version: int) -> dict[str, Any]:
        document: dict[str, Any] = {}
        if version:
            async with _within_deadline():
                async for page in self._pages(viewer, type_name, identity, 0, version):
                    deltas = [change.delta for change in page if change.version <= version]
                    document = [document, *states(deltas, document)][-1]
                    if page and page[-1].version >= version:
                        break
        return document

    async def _pages(
        self, viewer: Viewer, type_name: str, identity: UUID, after: int, first: int | None
    ) -> AsyncIterator[tuple[ChangeRecord, ...]]:
        owner, left = _OWNERS[type_name], MOST_VERSIONS + 1 if first is None else first
        next_after: int | None = after
        while next_after is not None and left > 0:
            request = owner.request(identity, next_after, min(_PAGE, left))
            page = await self._requester.ask(owner.name, request, ChangePage, principal=viewer.principal)
            yield page.changes
            left -= len(page.changes)
            if page.next_after is not None and page.next_after <= next_after:
                raise NoReply(f"the answer of {owner.name} leads back to itself")
            next_after = page.next_after


@asynccontextmanager
async def _within_deadline() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            yield
    except TimeoutError as error:
        raise NoReply(f"the whole history was not told within {_DEADLINE_SECONDS:g} s") from error


def check_size(size: int) -> None:
    """Raises TooMuchHistory where so many bytes are more than one answer may hold."""
    if size > MOST_BYTES:
        raise TooMuchHistory(
            f"this would be more than {MOST_BYTES // 1024 // 1024} MiB of history; ask for fewer versions at a time "
            "with first and afterVersion, or leave state out"
        )
