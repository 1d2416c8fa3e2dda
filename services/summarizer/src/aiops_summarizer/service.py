"""The use cases of the summarizer: summarise a log, or give one up."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from aiops_common.engines import engine, job_done
from aiops_common.flags import Flags
from aiops_common.llm import Chain, Improved, LanguageModel, improve
from aiops_common.llm.guarded import GuardedModel
from aiops_common.messaging.effects import Effect, EffectWriter
from aiops_common.messaging.leases import Leases
from aiops_common.messaging.message import Delivery, Poison
from aiops_common.messaging.relay import HandOver
from aiops_common.messaging.replay import cut_page
from aiops_common.postgres import Pool
from aiops_common.run_records import recorded
from aiops_common.telemetry import current_trace_id, elapsed_ms
from aiops_contracts import base
from aiops_contracts.base import ChangePage, Event
from aiops_contracts.summarizer import (
    MAX_LOG_BYTES,
    ListLogChanges,
    LlmRunsRecorded,
    LogSnapshot,
    LogSummarized,
    LogSummaryFailed,
    ReplayedLogs,
    ReplayLogs,
    SummarizeLog,
)
from aiops_summarizer.domain import Digest, JobFailure, JobState, LogEntry, LogSummary, Provenance
from aiops_summarizer.engine import digest, iter_lines
from aiops_summarizer.prompts import OPERATION, improving
from aiops_summarizer.raw_contents import RawContents, Received
from aiops_summarizer.repository import LogRepository

SOURCE = "aiops/summarizer"


class SummarizerService:
    """Summaries as the consumers call for them."""

    def __init__(
        self,
        pool: Pool,
        repository: LogRepository,
        raw: RawContents,
        hand_over: HandOver,
        model: LanguageModel | None,
        leases: Leases,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        chain: Chain | None = None,
        flags: Flags | None = None,
    ) -> None:
        self._raw = raw
        self._model = GuardedModel(model, chain or OPERATION.chain(), OPERATION, flags, owner="summarizer")
        self._leases = leases
        self._clock = clock
        self._pool = pool
        self._repository = repository
        self._effects = EffectWriter(pool, repository, hand_over, source=SOURCE)

    async def summarize(self, delivery: Delivery[SummarizeLog]) -> None:
        """Summarise the log, and store and tell the summary once per message id."""
        if delivery.is_from_outside and len(delivery.message.content.encode()) > MAX_LOG_BYTES:
            # The contract allows more of what is redacted, and whether it is only our own can say.
            raise Poison("bad_payload", f"content: must be at most {MAX_LOG_BYTES} bytes (1 MiB) of UTF-8")
        async with self._leases.hold(delivery) as is_new:
            if is_new:
                await self._summarize_new(delivery)

    async def _summarize_new(self, delivery: Delivery[SummarizeLog]) -> None:
        # Redaction and engine keep a core busy for as long as a second: not on the event loop.
        received = await self._received(delivery)
        entry = self._entry(delivery, received)
        started = time.monotonic_ns()
        improved = await self._summarize(entry, delivery)
        provenance = improved.provenance(Provenance, elapsed_ms(started))
        summary = _summary(improved.result, received.redactions, provenance)
        done = replace(entry, state=JobState.SUCCEEDED, summary=summary, updated_at=self._clock())
        also = recorded(improved.runs, LlmRunsRecorded)
        is_written = await self._effects.write(Effect(delivery, done.following, _summarized, "log.summarized", also))
        job_done(delivery, summary.provenance, is_written=is_written)

    async def give_up(self, delivery: Delivery[SummarizeLog], failure: base.JobFailure) -> None:
        """Store and tell that the log could not be summarised, unless it was."""
        reason = JobFailure(code=failure.code, message=failure.message, attempts=failure.attempts)
        failed = replace(self._entry(delivery, await self._received(delivery)), state=JobState.FAILED, failure=reason)
        await self._effects.write_failure(Effect(delivery, failed.following, _failed, "log.summary_failed"))

    async def _summarize(self, entry: LogEntry, delivery: Delivery[SummarizeLog]) -> Improved[Digest]:
        with engine("digest", {"aiops.lines": entry.line_count, "aiops.bytes": entry.byte_count}):
            # Dates without a year are read as of when the log was sent in, whenever the work is done.
            found = await asyncio.to_thread(digest, iter_lines(entry.content), reference=entry.created_at)
        asking = await self._model.asking(delivery)
        return await improve(asking.model, found, improving(asking.chain, entry.source), asking.chain.work(entry.id))

    async def _received(self, delivery: Delivery[SummarizeLog]) -> Received:
        received = await asyncio.to_thread(self._raw.receive, delivery)
        await self._raw.keep(delivery, received)
        return received

    def _entry(self, delivery: Delivery[SummarizeLog], received: Received) -> LogEntry:
        return LogEntry(
            id=delivery.id,
            version=0,
            source=received.source,
            content=received.content,
            line_count=received.line_count,
            byte_count=received.byte_count,
            state=JobState.PENDING,
            trace_id=current_trace_id(),
            created_at=delivery.time,
            updated_at=self._clock(),
        )

    async def changes(self, delivery: Delivery[ListLogChanges]) -> ChangePage:
        """Versions of a log entry, oldest first; none where there is no such entry."""
        request = delivery.message
        async with self._pool.transaction() as connection:
            return await self._repository.history.page(
                connection, request.log_id, after=request.after, limit=request.limit
            )

    async def replay(self, delivery: Delivery[ReplayLogs]) -> ReplayedLogs:
        """One page of all log entries, as their events told of them."""
        request = delivery.message
        async with self._pool.transaction() as connection:
            entries = self._repository.after(connection, request.after, request.limit + 1)
            page = await cut_page(entries, _snapshot, lambda log: log.id, limit=request.limit)
        return ReplayedLogs(snapshots=page.snapshots, next_after=page.next_after)


def _summary(found: Digest, redactions: int, provenance: Provenance) -> LogSummary:
    return LogSummary(
        headline=found.headline,
        text=found.text,
        severity=found.severity,
        first_seen=found.first_seen,
        last_seen=found.last_seen,
        patterns=found.patterns,
        pattern_count=found.pattern_count,
        redactions=redactions,
        provenance=provenance,
    )


def _snapshot(entry: LogEntry) -> LogSnapshot:
    return LogSnapshot.model_validate(entry)


def _summarized(entry: LogEntry) -> Event:
    return LogSummarized(log=_snapshot(entry))


def _failed(entry: LogEntry) -> Event:
    return LogSummaryFailed(log=_snapshot(entry))
