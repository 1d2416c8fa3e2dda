"""A person puts right what triage decided: at most once for one request, and only for the version that they saw."""

from collections.abc import Callable
from datetime import datetime

from aiops_common.messaging.message import Delivery
from aiops_common.messaging.updates import Settled, Updates
from aiops_common.postgres import Pool
from aiops_common.redaction import redact
from aiops_contracts.triage import CorrectTriage, TicketSnapshot, TicketTriageCorrected, TriageCorrectionReply
from aiops_triage.domain import Change, NotTriaged, Priority, Severity, Ticket, TicketCategory
from aiops_triage.repository import CorrectionRepository


class Corrections:
    """Corrects tickets; each correction is an example for the next model."""

    def __init__(self, pool: Pool, updates: Updates[Ticket], *, clock: Callable[[], datetime]) -> None:
        self._pool = pool
        self._updates = updates
        self._kept = CorrectionRepository()
        self._clock = clock

    async def correct(self, delivery: Delivery[CorrectTriage]) -> TriageCorrectionReply:
        """Put the triage of a ticket right if nobody changed the ticket meanwhile; raises DatabaseUnavailable."""
        request = delivery.message
        comment = redact(request.comment).text if request.comment else None
        async with self._pool.transaction() as connection:
            ticket = await self._updates.begin(connection, delivery, request.ticket_id, request.expected_version)
            if isinstance(ticket, Settled):
                return TriageCorrectionReply(outcome=ticket.outcome, ticket=ticket.entity and _snapshot(ticket.entity))
            try:
                corrected = ticket.correct(_change(request), request.corrected_by, self._clock())
            except NotTriaged:
                return TriageCorrectionReply(outcome="NOT_TRIAGED", ticket=_snapshot(ticket))
            event = TicketTriageCorrected(ticket=_snapshot(corrected))
            await self._updates.write(
                connection, delivery, ticket, corrected, kind="ticket.triage_corrected", event=event
            )
            await self._kept.add(
                connection,
                ticket,
                corrected,
                category_given=request.category is not None,
                comment=comment,
                corrected_by=request.corrected_by,
            )
        return TriageCorrectionReply(outcome="UPDATED", ticket=_snapshot(corrected))


def _change(request: CorrectTriage) -> Change:
    return Change(
        category=TicketCategory(request.category) if request.category else None,
        severity=Severity(request.severity) if request.severity else None,
        priority=Priority(request.priority) if request.priority else None,
    )


def _snapshot(ticket: Ticket) -> TicketSnapshot:
    return TicketSnapshot.model_validate(ticket)
