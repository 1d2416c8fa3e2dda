"""Mutations: each checks the role, makes a message of the input and calls one use case."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import strawberry
from pydantic import BaseModel

from aiops_contracts.changelog import GenerateChangelog
from aiops_contracts.summarizer import SummarizeLog
from aiops_contracts.triage import TriageTicket
from aiops_gateway.domain.access import Viewer
from aiops_gateway.graphql.account_mutations import AccountMutation
from aiops_gateway.graphql.api_keys import ApiKeyMutation
from aiops_gateway.graphql.changelog_mutations import ChangelogMutation
from aiops_gateway.graphql.changelogs import Changelog
from aiops_gateway.graphql.context import Info
from aiops_gateway.graphql.dead_letters import DeadLetterMutation
from aiops_gateway.graphql.errors import UserError, user_errors
from aiops_gateway.graphql.feature_flags import FeatureFlagMutation
from aiops_gateway.graphql.inputs import (
    GenerateChangelogInput,
    InvalidInput,
    SummarizeLogInput,
    TriageTicketInput,
    checked_key,
    large_to_message,
)
from aiops_gateway.graphql.payloads import (
    GenerateChangelogPayload,
    SummarizeLogPayload,
    TriageTicketPayload,
)
from aiops_gateway.graphql.ticket_mutations import TicketMutation
from aiops_gateway.graphql.types import LogEntry, Ticket
from aiops_gateway.service.acceptance import KeyReused

M = TypeVar("M", bound=BaseModel)
S = TypeVar("S", bound=BaseModel)


@strawberry.type
class Mutation(
    AccountMutation, ApiKeyMutation, DeadLetterMutation, TicketMutation, ChangelogMutation, FeatureFlagMutation
):
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
