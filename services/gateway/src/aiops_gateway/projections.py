"""Projections: events of the owners become rows of the read model, many in one transaction."""

from collections.abc import Sequence
from typing import Any

from aiops_common.batching import Batcher
from aiops_common.messaging.message import Delivery
from aiops_common.postgres import DatabaseUnavailable, Pool
from aiops_contracts.auth import SigningKey, SigningKeyPublished, UserChanged, UserSnapshot
from aiops_contracts.base import Event, Snapshot
from aiops_contracts.changelog import ChangelogFailed, ChangelogGenerated
from aiops_contracts.summarizer import LogSummarized, LogSummaryFailed
from aiops_contracts.triage import TicketStatusChanged, TicketTriaged, TicketTriageFailed
from aiops_gateway.repository import accounts, read_model
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
        users: list[UserSnapshot] = []
        keys: list[SigningKey] = []
        for event in events:
            if isinstance(event, UserChanged):
                users.append(event.user)
            elif isinstance(event, SigningKeyPublished):
                keys.append(event.key)
            else:
                kind, field = SNAPSHOT_EVENTS[type(event)]
                snapshots.setdefault(kind.name, []).append(getattr(event, field))
        statements = len(snapshots) + bool(users) + bool(keys)
        # A single statement is a transaction of its own, and saves the round trips of one.
        async with self._pool.connection() if statements == 1 else self._pool.transaction() as connection:
            for name in sorted(snapshots):
                await read_model.project(connection, KINDS[name], snapshots[name])
            if users:
                await accounts.project_users(connection, users)
            if keys:
                await accounts.add_signing_keys(connection, keys)
        return [None] * len(events)
