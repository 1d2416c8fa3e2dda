"""Mutations: each checks the role, makes a message of the input and calls one use case."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import strawberry
from pydantic import BaseModel

from aiops_contracts.changelog import GenerateChangelog
from aiops_contracts.summarizer import SummarizeLog
from aiops_contracts.triage import TicketStatusReply, TriageTicket, UpdateTicketStatus
from aiops_gateway.domain.access import Viewer
from aiops_gateway.graphql.account_mutations import AccountMutation
from aiops_gateway.graphql.api_keys import ApiKeyMutation
from aiops_gateway.graphql.context import Info
from aiops_gateway.graphql.dead_letters import DeadLetterMutation
from aiops_gateway.graphql.enums import UserErrorCode
from aiops_gateway.graphql.errors import UserError, user_error, user_errors
from aiops_gateway.graphql.ids import uuid_of
from aiops_gateway.graphql.inputs import (
    GenerateChangelogInput,
    InvalidInput,
    SummarizeLogInput,
    TriageTicketInput,
    UpdateTicketStatusInput,
    checked_key,
    large_to_message,
)
from aiops_gateway.graphql.payloads import (
    GenerateChangelogPayload,
    SummarizeLogPayload,
    TriageTicketPayload,
    UpdateTicketStatusPayload,
)
from aiops_gateway.graphql.types import Changelog, LogEntry, Ticket
from aiops_gateway.service.acceptance import KeyReused

M = TypeVar("M", bound=BaseModel)
S = TypeVar("S", bound=BaseModel)


@strawberry.type
class Mutation(AccountMutation, ApiKeyMutation, DeadLetterMutation):
    @strawberry.mutation(description="Returns at once, in state PENDING. ADMIN and OPS.")
    async def summarize_log(self, info: Info, input: SummarizeLogInput) -> SummarizeLogPayload:  # noqa: A002
        viewer = await info.context.require("summarizeLog")
        accept = info.context.use_cases.submissions.summarize_log
        snapshot, errors = await _submit(viewer, accept, SummarizeLog, vars(input).copy())
        return SummarizeLogPayload(log_entry=LogEntry.of(snapshot, viewer) if snapshot else None, user_errors=errors)

    @strawberry.mutation(description="Returns at once, in state PENDING. ADMIN, OPS and HR.")
    async def triage_ticket(self, info: Info, input: TriageTicketInput) -> TriageTicketPayload:  # noqa: A002
        viewer = await info.context.require("triageTicket")
        accept = info.context.use_cases.submissions.triage_ticket
        snapshot, errors = await _submit(viewer, accept, TriageTicket, vars(input).copy())
        return TriageTicketPayload(ticket=Ticket.of(snapshot, viewer) if snapshot else None, user_errors=errors)

    @strawberry.mutation(description="Returns at once, in state PENDING. ADMIN and OPS.")
    async def generate_changelog(
        self,
        info: Info,
        input: GenerateChangelogInput,  # noqa: A002
    ) -> GenerateChangelogPayload:
        viewer = await info.context.require("generateChangelog")
        accept = info.context.use_cases.submissions.generate_changelog
        snapshot, errors = await _submit(viewer, accept, GenerateChangelog, vars(input).copy())
        return GenerateChangelogPayload(
            changelog=Changelog.of(snapshot, viewer) if snapshot else None, user_errors=errors
        )

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
            reply = await info.context.use_cases.decisions.update_ticket_status(viewer, request, key)
        except (InvalidInput, KeyReused) as error:
            return UpdateTicketStatusPayload(user_errors=user_errors(error))
        ticket = Ticket.of(reply.ticket, viewer) if reply.ticket else None
        return UpdateTicketStatusPayload(ticket=ticket, user_errors=_status_errors(reply, request))


async def _submit(
    viewer: Viewer,
    accept: Callable[[Viewer, M, str | None], Awaitable[S]],
    kind: type[M],
    values: dict[str, object],
) -> tuple[S | None, list[UserError]]:
    try:
        key = checked_key(values.pop("idempotency_key"))
        return await accept(viewer, await large_to_message(kind, values), key), []
    except (InvalidInput, KeyReused) as error:
        return None, user_errors(error)


def _no_such_ticket() -> UserError:
    return user_error(UserErrorCode.NOT_FOUND, "there is no such ticket, or its triage is not done yet", ["ticketId"])


def _status_errors(reply: TicketStatusReply, request: UpdateTicketStatus) -> list[UserError]:
    if reply.ticket is None:
        return [_no_such_ticket()]
    if reply.outcome == "VERSION_CONFLICT":
        message = (
            f"the ticket is at version {reply.ticket.version}, not {request.expected_version}: "
            "somebody changed it meanwhile; look at it and try again"
        )
        return [user_error(UserErrorCode.VERSION_CONFLICT, message, ["expectedVersion"])]
    if reply.outcome == "INVALID_TRANSITION":
        allowed = ", ".join(reply.allowed)
        message = f"a ticket that is {reply.ticket.status} cannot become {request.status}; it can become {allowed}"
        return [user_error(UserErrorCode.INVALID_TRANSITION, message, ["status"])]
    return []
