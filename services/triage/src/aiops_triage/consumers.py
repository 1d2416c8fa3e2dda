"""What triage consumes, and who does the work."""

from collections.abc import Mapping

from aiops_common.messaging.consumer import Handler
from aiops_common.messaging.requests import RequestHandler
from aiops_contracts.triage import CorrectTriage, ListTicketChanges, ReplayTickets, TriageTicket, UpdateTicketStatus
from aiops_triage.service import TriageService


def command_handlers(service: TriageService) -> Mapping[str, Handler]:
    """Commands on ``triage.work``."""
    return {TriageTicket.message_type: Handler(TriageTicket, service.triage, service.give_up)}


def request_handlers(service: TriageService) -> Mapping[str, RequestHandler]:
    """Requests on ``triage.requests``."""
    return {
        UpdateTicketStatus.message_type: RequestHandler(UpdateTicketStatus, service.update_status),
        CorrectTriage.message_type: RequestHandler(CorrectTriage, service.correct),
        ListTicketChanges.message_type: RequestHandler(ListTicketChanges, service.changes),
        ReplayTickets.message_type: RequestHandler(ReplayTickets, service.replay),
    }
