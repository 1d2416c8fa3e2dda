"""Projections: events of the owners become rows of the read model, many in one transaction."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from prometheus_client import Histogram

from aiops_common.batching import Batcher
from aiops_common.messaging.message import Delivery, current_trace_headers
from aiops_common.metrics import SECONDS, observe
from aiops_common.postgres import DatabaseUnavailable, Pool
from aiops_contracts import changelog, summarizer, triage
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
from aiops_contracts.changelog import (
    ChangelogEdited,
    ChangelogFailed,
    ChangelogGenerated,
    ChangelogStatusChanged,
)
from aiops_contracts.summarizer import LogSummarized, LogSummaryFailed
from aiops_contracts.triage import (
    TicketStatusChanged,
    TicketTriageCorrected,
    TicketTriaged,
    TicketTriageFailed,
)
from aiops_gateway.repository import accounts, api_keys, audit, llm_runs, read_model
from aiops_gateway.repository.llm_runs import Told
from aiops_gateway.repository.read_model import CHANGELOGS, KINDS, LOG_ENTRIES, TICKETS, Kind

SNAPSHOT_EVENTS: dict[type[Event], tuple[Kind[Any], str]] = {
    LogSummarized: (LOG_ENTRIES, "log"),
    LogSummaryFailed: (LOG_ENTRIES, "log"),
    TicketTriaged: (TICKETS, "ticket"),
    TicketTriageFailed: (TICKETS, "ticket"),
    TicketStatusChanged: (TICKETS, "ticket"),
    TicketTriageCorrected: (TICKETS, "ticket"),
    ChangelogGenerated: (CHANGELOGS, "changelog"),
    ChangelogFailed: (CHANGELOGS, "changelog"),
    ChangelogEdited: (CHANGELOGS, "changelog"),
    ChangelogStatusChanged: (CHANGELOGS, "changelog"),
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

RUN_EVENTS: dict[type[Event], Kind[Any]] = {
    summarizer.LlmRunsRecorded: LOG_ENTRIES,
    triage.LlmRunsRecorded: TICKETS,
    changelog.LlmRunsRecorded: CHANGELOGS,
}
"""Events about what a language model was asked → the kind of what it was asked about."""

_LAG: Final = Histogram(
    "aiops_projection_lag_seconds",
    "From the time of an event to its being in the read model; after a resend, the age of what came again",
    ["message_type"],
    buckets=(*SECONDS, 60, 300, 900, 3600),
)


@dataclass(frozen=True, slots=True)
class _Happened:
    """An event, and where in its trace it is projected: a flush serves many and runs in no trace."""

    event: Event
    traceparent: str | None


@dataclass(slots=True)
class _Records:
    """What a batch of events tells about accounts, keys and what happened to them, and about language models."""

    users: list[UserSnapshot | UserRemoved] = field(default_factory=list)
    api_keys: list[ApiKeySnapshot] = field(default_factory=list)
    signing_keys: list[SigningKey] = field(default_factory=list)
    recorded: list[SecurityEvent] = field(default_factory=list)
    runs: list[Told] = field(default_factory=list)

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
            case summarizer.LlmRunsRecorded() | triage.LlmRunsRecorded() | changelog.LlmRunsRecorded():
                self.runs += [Told(run, RUN_EVENTS[type(event)].name) for run in event.runs]
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
            (llm_runs.project, self.runs),
        )
        return [(write, rows) for write, rows in every if rows]


class Projector:
    """Applies events; whatever order and however often they come, the newest version stays."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._batcher: Batcher[_Happened, None] = Batcher(
            self._flush, fails_all=lambda error: isinstance(error, DatabaseUnavailable)
        )
        self._lag = {kind: _LAG.labels(kind.message_type) for kind in (*SNAPSHOT_EVENTS, *IDENTITY_EVENTS, *RUN_EVENTS)}

    async def apply(self, delivery: Delivery[Event]) -> None:
        """Returns when the event is in the read model."""
        event = delivery.message
        await self._batcher.submit(_Happened(event, current_trace_headers().get("traceparent")))
        # By the clock of another machine, as it may be.
        observe(self._lag[type(event)], max(0.0, (datetime.now(UTC) - delivery.time).total_seconds()))

    async def _flush(self, batch: Sequence[_Happened]) -> list[None]:
        snapshots: dict[str, list[Snapshot]] = {}
        traceparents: dict[str, list[str | None]] = {}
        records = _Records()
        for one in batch:
            if not records.add(one.event):
                kind, field = SNAPSHOT_EVENTS[type(one.event)]
                snapshots.setdefault(kind.name, []).append(getattr(one.event, field))
                traceparents.setdefault(kind.name, []).append(one.traceparent)
        writes = records.writes()
        # A single statement is a transaction of its own, and saves the round trips of one.
        alone = len(snapshots) + len(writes) == 1
        async with self._pool.connection() if alone else self._pool.transaction() as connection:
            for name in sorted(snapshots):
                await read_model.project(connection, KINDS[name], snapshots[name], traceparents[name])
            for write, rows in writes:
                await write(connection, rows)
        return [None] * len(batch)
