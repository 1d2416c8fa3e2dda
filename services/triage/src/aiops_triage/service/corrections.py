"""A person puts right what triage decided: at most once for one request, and only for the version that they saw."""

from collections.abc import Callable
from datetime import datetime

from aiops_common.messaging import inbox, outbox
from aiops_common.messaging.message import Delivery, outgoing
from aiops_common.messaging.names import EVENTS_EXCHANGE
from aiops_common.postgres import Connection, Pool
from aiops_common.redaction import redact
from aiops_contracts.triage import CorrectTriage, TicketSnapshot, TicketTriageCorrected, TriageCorrectionReply
from aiops_triage.domain import Change, NotTriaged, Priority, Severity, Ticket, TicketCategory
from aiops_triage.repository import CorrectionRepository, TicketRepository


class Corrections:
    """Corrects tickets; each correction is an example for the next model."""

    def __init__(
        self,
        pool: Pool,
        tickets: TicketRepository,
        *,
        source: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._tickets = tickets
        self._kept = CorrectionRepository()
        self._source = source
        self._clock = clock

    async def correct(self, delivery: Delivery[CorrectTriage]) -> TriageCorrectionReply:
        """Put the triage of a ticket right if nobody changed the ticket meanwhile; raises DatabaseUnavailable."""
        request = delivery.message
        comment = redact(request.comment).text if request.comment else None
        async with self._pool.transaction() as connection:
            ticket = await self._tickets.get_for_update(connection, request.ticket_id)
            if ticket is None:
                return TriageCorrectionReply(outcome="NOT_FOUND")
            if await inbox.is_done(connection, delivery):
                return TriageCorrectionReply(outcome="UPDATED", ticket=_snapshot(ticket))
            if ticket.version != request.expected_version:
                return TriageCorrectionReply(outcome="VERSION_CONFLICT", ticket=_snapshot(ticket))
            try:
                corrected = ticket.correct(_change(request), request.corrected_by, self._clock())
            except NotTriaged:
                return TriageCorrectionReply(outcome="NOT_TRIAGED", ticket=_snapshot(ticket))
            await self._write(connection, delivery, ticket, corrected, comment)
        return TriageCorrectionReply(outcome="UPDATED", ticket=_snapshot(corrected))

    async def _write(
        self,
        connection: Connection,
        delivery: Delivery[CorrectTriage],
        before: Ticket,
        corrected: Ticket,
        comment: str | None,
    ) -> None:
        request, history = delivery.message, self._tickets.history
        await inbox.claim(connection, delivery.id, request.message_type)
        await self._tickets.save(connection, [corrected])
        change = history.change(before, corrected, "ticket.triage_corrected", changed_by=delivery.principal)
        await history.append(connection, change)
        await self._kept.add(
            connection,
            before,
            corrected,
            category_given=request.category is not None,
            comment=comment,
            corrected_by=request.corrected_by,
        )
        event = TicketTriageCorrected(ticket=_snapshot(corrected))
        subject = str(corrected.id)
        await outbox.append(
            connection, [outgoing(event, exchange=EVENTS_EXCHANGE, source=self._source, subject=subject)]
        )


def _change(request: CorrectTriage) -> Change:
    return Change(
        category=TicketCategory(request.category) if request.category else None,
        severity=Severity(request.severity) if request.severity else None,
        priority=Priority(request.priority) if request.priority else None,
    )


def _snapshot(ticket: Ticket) -> TicketSnapshot:
    return TicketSnapshot.model_validate(ticket)
