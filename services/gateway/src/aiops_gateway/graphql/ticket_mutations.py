"""Mutations about tickets that are there: answered by triage, within a deadline."""

import strawberry

from aiops_contracts.triage import (
    CorrectTriage,
    TicketStatusReply,
    TriageCorrectionReply,
    UpdateTicketStatus,
)
from aiops_gateway.graphql.context import Info
from aiops_gateway.graphql.enums import Priority, Severity, TicketCategory, UserErrorCode
from aiops_gateway.graphql.errors import UserError, user_error, user_errors, version_conflict
from aiops_gateway.graphql.ids import uuid_of
from aiops_gateway.graphql.inputs import InvalidInput, UpdateTicketStatusInput, checked_key, to_message
from aiops_gateway.graphql.payloads import CorrectTriagePayload, UpdateTicketStatusPayload
from aiops_gateway.graphql.types import Ticket
from aiops_gateway.service.acceptance import KeyReused


@strawberry.input(
    description="At least one of category, severity and priority; what is not given stays, except that of severity and "
    "priority the one follows from the other."
)
class CorrectTriageInput:
    ticket_id: strawberry.ID
    category: TicketCategory | None = None
    severity: Severity | None = None
    priority: Priority | None = None
    comment: str | None = strawberry.field(default=None, description="Why; up to 2,000 characters, redacted.")
    expected_version: int
    idempotency_key: str | None = None


@strawberry.type
class TicketMutation:
    @strawberry.mutation(description="Move a ticket if it still is at expectedVersion. ADMIN and OPS.")
    async def update_ticket_status(
        self,
        info: Info,
        input: UpdateTicketStatusInput,  # noqa: A002
    ) -> UpdateTicketStatusPayload:
        viewer = await info.context.require("updateTicketStatus")
        ticket_id = uuid_of(input.ticket_id, "Ticket")
        if ticket_id is None:
            return UpdateTicketStatusPayload(user_errors=[_no_such_ticket()])
        request = UpdateTicketStatus(
            ticket_id=ticket_id,
            status=input.status,
            expected_version=input.expected_version,
            changed_by=viewer.user_id,
        )
        try:
            key = checked_key(input.idempotency_key)
            reply = await info.context.use_cases.workflow.update_ticket_status(viewer, request, key)
        except (InvalidInput, KeyReused) as error:
            return UpdateTicketStatusPayload(user_errors=user_errors(error))
        ticket = Ticket.of(reply.ticket, viewer) if reply.ticket else None
        return UpdateTicketStatusPayload(ticket=ticket, user_errors=_status_errors(reply, request))

    @strawberry.mutation(
        description="Put right what triage decided about a ticket, if it still is at expectedVersion; the next model "
        "learns from it. For people who are ADMIN, OPS or HR."
    )
    async def correct_triage(self, info: Info, input: CorrectTriageInput) -> CorrectTriagePayload:  # noqa: A002
        viewer = await info.context.require("correctTriage")
        values = vars(input).copy()
        values["ticket_id"] = ticket_id = uuid_of(input.ticket_id, "Ticket")
        if ticket_id is None:
            return CorrectTriagePayload(user_errors=[_no_such_ticket()])
        try:
            key = checked_key(values.pop("idempotency_key"))
            request = to_message(CorrectTriage, {**values, "corrected_by": viewer.user_id})
            workflow = info.context.use_cases.workflow
            reply = await workflow.correct_triage(viewer, request, key, info.context.address)
        except (InvalidInput, KeyReused) as error:
            return CorrectTriagePayload(user_errors=user_errors(error))
        ticket = Ticket.of(reply.ticket, viewer) if reply.ticket else None
        return CorrectTriagePayload(ticket=ticket, user_errors=_correction_errors(reply, request))


def _no_such_ticket() -> UserError:
    return user_error(UserErrorCode.NOT_FOUND, "there is no such ticket, or its triage is not done yet", ["ticketId"])


def _status_errors(reply: TicketStatusReply, request: UpdateTicketStatus) -> list[UserError]:
    if reply.ticket is None:
        return [_no_such_ticket()]
    if reply.outcome == "VERSION_CONFLICT":
        return [version_conflict("ticket", reply.ticket.version, request.expected_version)]
    if reply.outcome == "INVALID_TRANSITION":
        allowed = ", ".join(reply.allowed)
        message = f"a ticket that is {reply.ticket.status} cannot become {request.status}; it can become {allowed}"
        return [user_error(UserErrorCode.INVALID_TRANSITION, message, ["status"])]
    return []


def _correction_errors(reply: TriageCorrectionReply, request: CorrectTriage) -> list[UserError]:
    if reply.ticket is None:
        return [_no_such_ticket()]
    if reply.outcome == "VERSION_CONFLICT":
        return [version_conflict("ticket", reply.ticket.version, request.expected_version)]
    if reply.outcome == "NOT_TRIAGED":
        message = "the ticket has no triage that could be corrected; see its state and failure"
        return [user_error(UserErrorCode.NOT_READY, message, ["ticketId"])]
    return []
