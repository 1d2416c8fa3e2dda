"""The gateway's parts on a real PostgreSQL, and snapshots to put into its read model."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from aiops_common.postgres import Listener, Pool
from aiops_contracts.base import Engine, JobState, Provenance, Severity
from aiops_contracts.changelog import ChangelogSnapshot
from aiops_contracts.summarizer import LogSnapshot, LogSummary
from aiops_contracts.triage import Priority, TicketCategory, TicketSnapshot, TicketStatus, TriageResult
from support.eventually import eventually

START = datetime(2026, 1, 1, tzinfo=UTC)
PROVENANCE = Provenance(engine=Engine.BUILTIN, duration_ms=1)


@pytest.fixture
async def pool(pools: dict[str, Pool]) -> Pool:
    """The gateway's schema, empty."""
    async with pools["gateway"].connection() as connection:
        await connection.execute(
            "TRUNCATE log_entries, tickets, changelogs, idempotency_keys, users, signing_keys, api_keys, audit_log, "
            "outbox, llm_runs"
        )
    return pools["gateway"]


@pytest.fixture
async def listener(service_database_urls: dict[str, str]) -> AsyncIterator[Listener]:
    """Not started: subscribe first, then `listening`. A lost connection is noticed within a fifth of a second."""
    listener = Listener(service_database_urls["gateway"], probe_seconds=0.2, max_wait_seconds=0.5)
    yield listener
    await listener.stop()


async def listening(listener: Listener) -> None:
    """Start, and wait until notifications arrive."""
    await listener.start()

    async def connected() -> bool:
        return listener.connected

    await eventually(connected)


def minute(number: int) -> datetime:
    """A point in time; a later number is later."""
    return START + timedelta(minutes=number)


def log(
    content: str = "ERROR x", *, created: int = 0, source: str = "shop", state: JobState = JobState.PENDING,
    severity: Severity | None = None, headline: str = "It went wrong",
) -> LogSnapshot:  # fmt: skip
    """A log entry; with a severity it has its summary."""
    summary = severity and LogSummary(
        headline=headline, text="t", severity=severity, patterns=(), pattern_count=0, redactions=0,
        provenance=PROVENANCE,
    )  # fmt: skip
    return LogSnapshot(
        id=uuid4(), version=0, state=state, created_at=minute(created), updated_at=minute(created), source=source,
        content=content, line_count=1, byte_count=len(content.encode()), summary=summary,
    )  # fmt: skip


def ticket(
    title: str = "t", body: str = "b", *, identity: UUID | None = None, version: int = 0, created: int = 0,
    status: TicketStatus = TicketStatus.OPEN, state: JobState = JobState.PENDING, triage: TriageResult | None = None,
) -> TicketSnapshot:  # fmt: skip
    """A ticket."""
    return TicketSnapshot(
        id=identity or uuid4(), version=version, state=state, created_at=minute(created), updated_at=minute(created),
        title=title, body=body, source="mail", status=status, triage=triage,
    )  # fmt: skip


def triage(
    category: TicketCategory = TicketCategory.BUG, severity: Severity = Severity.LOW,
    priority: Priority = Priority.P4, *, needs_review: bool = False,
) -> TriageResult:  # fmt: skip
    """What triage decided."""
    return TriageResult(
        category=category, severity=severity, priority=priority, confidence=0.9, needs_review=needs_review,
        reasons=("because",), provenance=PROVENANCE,
    )  # fmt: skip


def changelog(project: str, *, created: int = 0, state: JobState = JobState.PENDING) -> ChangelogSnapshot:
    """A changelog."""
    return ChangelogSnapshot(
        id=uuid4(), version=0, state=state, created_at=minute(created), updated_at=minute(created), project=project
    )
