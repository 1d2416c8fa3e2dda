"""Projections: events of the owners become rows of the read model, many in one transaction."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiops_common.batching import Batcher
from aiops_common.messaging.message import Delivery
from aiops_common.postgres import DatabaseUnavailable, Pool
from aiops_contracts.auth import (
    ApiKeyChanged,
    ApiKeySnapshot,
    SecurityEvent,
    SecurityEventRecorded,
    SigningKey,
    SigningKeyPublished,
    UserChanged,
    UserRemoved,
    UserSnapshot,
)
from aiops_contracts.base import Event, Snapshot
from aiops_contracts.changelog import ChangelogFailed, ChangelogGenerated
from aiops_contracts.summarizer import LogSummarized, LogSummaryFailed
from aiops_contracts.triage import TicketStatusChanged, TicketTriaged, TicketTriageFailed
from aiops_gateway.repository import accounts, api_keys, audit, read_model
from aiops_gateway.repository.read_model import CHANGELOGS, KINDS, LOG_ENTRIES, TICKETS, Kind

SNAPSHOT_EVENTS: dict[type[Event], tuple[Kind[Any], str]] = {
    LogSummarized: (LOG_ENTRIES, "log"),
    LogSummaryFailed: (LOG_ENTRIES, "log"),
    TicketTriaged: (TICKETS, "ticket"),
    TicketTriageFailed: (TICKETS, "ticket"),
    TicketStatusChanged: (TICKETS, "ticket"),
    ChangelogGenerated: (CHANGELOGS, "changelog"),
    ChangelogFailed: (CHANGELOGS, "changelog"),
}
"""Events that carry an entity → its kind, and the event's field that holds it."""

IDENTITY_EVENTS: tuple[type[Event], ...] = (
    UserChanged,
    UserRemoved,
    ApiKeyChanged,
    SigningKeyPublished,
    SecurityEventRecorded,
)
"""Events about who may do what, and who did."""


@dataclass(slots=True)
class _Identities:
    """What a batch of events tells about accounts, keys and what happened to them."""

    users: list[UserSnapshot | UserRemoved] = field(default_factory=list)
    api_keys: list[ApiKeySnapshot] = field(default_factory=list)
    signing_keys: list[SigningKey] = field(default_factory=list)
    recorded: list[SecurityEvent] = field(default_factory=list)

    def add(self, event: Event) -> bool:
        """Whether it is an event of these."""
        match event:
            case UserChanged():
                self.users.append(event.user)
            case UserRemoved():
                self.users.append(event)
            case ApiKeyChanged():
                self.api_keys.append(event.api_key)
            case SigningKeyPublished():
                self.signing_keys.append(event.key)
            case SecurityEventRecorded():
                self.recorded.append(event.event)
            case _:
                return False
        return True

    def writes(self) -> list[tuple[Callable[..., Awaitable[None]], Sequence[object]]]:
        """One statement for each kind of thing that there is, always in the same order, and its rows."""
        every: tuple[tuple[Callable[..., Awaitable[None]], Sequence[object]], ...] = (
            (accounts.project_users, self.users),
            (api_keys.project, self.api_keys),
            (accounts.add_signing_keys, self.signing_keys),
            (audit.project, self.recorded),
        )
        return [(write, rows) for write, rows in every if rows]


class Projector:
    """Applies events; whatever order and however often they come, the newest version stays."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._batcher: Batcher[Event, None] = Batcher(
            self._flush, fails_all=lambda error: isinstance(error, DatabaseUnavailable)
        )

    async def apply(self, delivery: Delivery[Event]) -> None:
        """Returns when the event is in the read model."""
        await self._batcher.submit(delivery.message)

    async def _flush(self, events: Sequence[Event]) -> list[None]:
        snapshots: dict[str, list[Snapshot]] = {}
        identities = _Identities()
        for event in events:
            if not identities.add(event):
                kind, field = SNAPSHOT_EVENTS[type(event)]
                snapshots.setdefault(kind.name, []).append(getattr(event, field))
        writes = identities.writes()
        # A single statement is a transaction of its own, and saves the round trips of one.
        alone = len(snapshots) + len(writes) == 1
        async with self._pool.connection() if alone else self._pool.transaction() as connection:
            for name in sorted(snapshots):
                await read_model.project(connection, KINDS[name], snapshots[name])
            for write, rows in writes:
                await write(connection, rows)
        return [None] * len(events)
