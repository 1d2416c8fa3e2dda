"""Decide about a ticket, give one up, move one to another status; and what others ask about tickets."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from aiops_common.engines import engine, job_done
from aiops_common.flags import Flags
from aiops_common.llm import Chain, LanguageModel, improve
from aiops_common.llm.guarded import GuardedModel
from aiops_common.logging import get_logger
from aiops_common.messaging.effects import Effect, EffectWriter
from aiops_common.messaging.leases import Leases
from aiops_common.messaging.message import Delivery
from aiops_common.messaging.relay import HandOver
from aiops_common.messaging.replay import cut_page
from aiops_common.messaging.updates import Settled, Updates
from aiops_common.postgres import Pool
from aiops_common.redaction import redact, redact_name
from aiops_common.run_records import recorded
from aiops_common.telemetry import current_trace_id, elapsed_ms
from aiops_contracts import base
from aiops_contracts.base import ChangePage, Event, LlmRun
from aiops_contracts.triage import (
    CorrectTriage,
    ListTicketChanges,
    LlmRunsRecorded,
    ReplayedTickets,
    ReplayTickets,
    TicketSnapshot,
    TicketStatusChanged,
    TicketStatusReply,
    TicketTriaged,
    TicketTriageFailed,
    TriageCorrectionReply,
    TriageTicket,
    UpdateTicketStatus,
)
from aiops_triage.domain import (
    InvalidTransition,
    JobFailure,
    JobState,
    Provenance,
    Ticket,
    TicketStatus,
    Triage,
)
from aiops_triage.engine import judge
from aiops_triage.prompts import OPERATION, AskedFor, improving
from aiops_triage.repository import TicketRepository
from aiops_triage.service.active_model import ActiveModels
from aiops_triage.service.corrections import Corrections
from aiops_triage.service.similar import SimilarTickets

_log = get_logger(__name__)

SOURCE = "aiops/triage"


class TriageService:
    """Triage as its consumers call it."""

    def __init__(
        self,
        pool: Pool,
        repository: TicketRepository,
        hand_over: HandOver,
        model: LanguageModel | None,
        leases: Leases,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        models: ActiveModels | None = None,
        chain: Chain | None = None,
        asked_for: AskedFor = AskedFor.UNSURE,
        flags: Flags | None = None,
    ) -> None:
        self._pool = pool
        self._repository = repository
        self._model = GuardedModel(model, chain or OPERATION.chain(), OPERATION, flags, owner="triage")
        self._asked_for = asked_for
        self._leases = leases
        self._clock = clock
        self._models = models
        self._similar = SimilarTickets(pool)
        self._updates = Updates(repository, source=SOURCE)
        self._corrections = Corrections(pool, self._updates, clock=clock)
        self._effects = EffectWriter(pool, repository, hand_over, source=SOURCE)

    async def triage(self, delivery: Delivery[TriageTicket]) -> None:
        """Decide about the ticket, and store and tell the decision once per message id."""
        async with self._leases.hold(delivery) as is_new:
            if is_new:
                await self._triage_new(delivery)

    async def _triage_new(self, delivery: Delivery[TriageTicket]) -> None:
        ticket = await self._received(delivery)
        triage, runs = await self._decide(ticket, delivery)
        done = replace(ticket, state=JobState.SUCCEEDED, triage=triage, updated_at=self._clock())
        also = recorded(runs, LlmRunsRecorded)
        is_written = await self._effects.write(Effect(delivery, done.following, _triaged, "ticket.triaged", also))
        job_done(delivery, triage.provenance, is_written=is_written)

    async def give_up(self, delivery: Delivery[TriageTicket], failure: base.JobFailure) -> None:
        """Store and tell that the ticket could not be triaged, unless it was."""
        reason = JobFailure(code=failure.code, message=failure.message, attempts=failure.attempts)
        failed = replace(await self._received(delivery), state=JobState.FAILED, failure=reason)
        await self._effects.write_failure(Effect(delivery, failed.following, _failed, "ticket.triage_failed"))

    async def update_status(self, delivery: Delivery[UpdateTicketStatus]) -> TicketStatusReply:
        """Move a ticket to another status if nobody changed it meanwhile."""
        reply = await self._moved(delivery)
        _log.info(
            "ticket.status_decided",
            message_id=delivery.id,
            ticket_id=delivery.message.ticket_id,
            status=delivery.message.status,
            outcome=reply.outcome,
            by=delivery.principal,
        )
        return reply

    async def _moved(self, delivery: Delivery[UpdateTicketStatus]) -> TicketStatusReply:
        request = delivery.message
        async with self._pool.transaction() as connection:
            ticket = await self._updates.begin(connection, delivery, request.ticket_id, request.expected_version)
            if isinstance(ticket, Settled):
                return TicketStatusReply(outcome=ticket.outcome, ticket=ticket.entity and _snapshot(ticket.entity))
            try:
                moved = ticket.move(TicketStatus(request.status), self._clock())
            except InvalidTransition as error:
                return TicketStatusReply.model_validate(
                    {"outcome": "INVALID_TRANSITION", "ticket": _snapshot(ticket), "allowed": error.allowed}
                )
            event = TicketStatusChanged(ticket=_snapshot(moved))
            await self._updates.write(connection, delivery, ticket, moved, kind="ticket.status_changed", event=event)
        return TicketStatusReply(outcome="UPDATED", ticket=_snapshot(moved))

    async def correct(self, delivery: Delivery[CorrectTriage]) -> TriageCorrectionReply:
        """Put right what was decided about a ticket if nobody changed it meanwhile."""
        reply = await self._corrections.correct(delivery)
        _log.info(
            "ticket.correction_decided",
            message_id=delivery.id,
            ticket_id=delivery.message.ticket_id,
            outcome=reply.outcome,
            by=delivery.principal,
        )
        return reply

    async def changes(self, delivery: Delivery[ListTicketChanges]) -> ChangePage:
        """Versions of a ticket, oldest first; none where there is no such ticket."""
        request = delivery.message
        async with self._pool.transaction() as connection:
            return await self._repository.history.page(
                connection, request.ticket_id, after=request.after, limit=request.limit
            )

    async def _decide(self, ticket: Ticket, delivery: Delivery[TriageTicket]) -> tuple[Triage, tuple[LlmRun, ...]]:
        started = time.monotonic_ns()
        title, body = ticket.title, ticket.body
        similar = await self._similar.find(ticket)
        active = self._models.current if self._models else None
        with engine("classify", {"aiops.characters": len(title) + len(body)}):
            verdict, is_learned = judge(title, body, active.model if active else None)
        asking = await self._model.asking(delivery, is_wanted=self._asked_for.has(verdict))
        flow = improving(asking.chain, title, body)
        improved = await improve(asking.model, verdict, flow, asking.chain.work(ticket.id))
        triage = Triage.of(
            improved.result,
            improved.provenance(Provenance, elapsed_ms(started)),
            model_version=active.version if active and is_learned else None,
            similar=similar,
        )
        return triage, improved.runs

    async def _received(self, delivery: Delivery[TriageTicket]) -> Ticket:
        message = delivery.message
        title, body = message.title, message.body
        if delivery.is_from_outside or not message.redacted:
            # In a thread: a long body takes as long as many other tickets together.
            title, body = await asyncio.to_thread(_redacted, title, body)
        return Ticket(
            id=delivery.id,
            version=0,
            title=title,
            body=body,
            reporter_email=message.reporter_email,
            source=redact_name(message.source) if message.source else delivery.principal,
            trace_id=current_trace_id(),
            created_at=delivery.time,
            updated_at=self._clock(),
        )

    async def replay(self, delivery: Delivery[ReplayTickets]) -> ReplayedTickets:
        """One page of all tickets, as their events told of them."""
        request = delivery.message
        async with self._pool.transaction() as connection:
            tickets = self._repository.after(connection, request.after, request.limit + 1)
            page = await cut_page(tickets, _snapshot, lambda ticket: ticket.id, limit=request.limit)
        return ReplayedTickets(snapshots=page.snapshots, next_after=page.next_after)


def _redacted(title: str, body: str) -> tuple[str, str]:
    return redact(title).text, redact(body).text


def _snapshot(ticket: Ticket) -> TicketSnapshot:
    return TicketSnapshot.model_validate(ticket)


def _triaged(ticket: Ticket) -> Event:
    return TicketTriaged(ticket=_snapshot(ticket))


def _failed(ticket: Ticket) -> Event:
    return TicketTriageFailed(ticket=_snapshot(ticket))
