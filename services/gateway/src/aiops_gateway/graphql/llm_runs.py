"""Runs of language models in the API, for ADMIN: what was asked, what came of it, what it took."""

from datetime import datetime
from functools import partial
from typing import Final, Self
from uuid import UUID

import strawberry

from aiops_gateway.domain.access import Viewer, may_use
from aiops_gateway.domain.paging import InvalidPage, PageRequest, Position
from aiops_gateway.graphql.connections import Connection
from aiops_gateway.graphql.context import Info
from aiops_gateway.graphql.ids import from_global_id, to_global_id
from aiops_gateway.graphql.inputs import checked
from aiops_gateway.graphql.types import Node
from aiops_gateway.repository.llm_runs import Condition, Listed
from aiops_gateway.repository.read_model import CHANGELOGS, LOG_ENTRIES, TICKETS

_TYPE: Final = "LlmRun"
_SUBJECTS: Final = {LOG_ENTRIES.name: "LogEntry", TICKETS.name: "Ticket", CHANGELOGS.name: "Changelog"}
"""Kind of entity → its type."""


@strawberry.type(description="One question to a language model for one piece of work, and what came of it.")
class LlmRun(Node):
    run_id: strawberry.Private[UUID]
    operation: str = strawberry.field(description="summarize, triage or changelog.")
    step: str = strawberry.field(description="The step of the operation's chain.")
    template: str = strawberry.field(description="The prompt and its version, e.g. window/v1.")
    model: str | None
    outcome: str = strawberry.field(description="answered, partly used, or why the answer was not used.")
    input_tokens: int | None
    output_tokens: int | None
    duration_ms: int
    subject: strawberry.ID = strawberry.field(description="The LogEntry, Ticket or Changelog that it was about.")
    trace_id: str | None = strawberry.field(description="Look it up in Jaeger.")
    created_at: datetime

    @strawberry.field(description="What the model was asked; redacted and cut. Null where it was just deleted.")
    async def input(self, info: Info) -> str | None:
        texts = await info.context.run_texts.load(self.run_id)
        return texts.input if texts else None

    @strawberry.field(description="What it answered; redacted and cut. Null where it did not.")
    async def output(self, info: Info) -> str | None:
        texts = await info.context.run_texts.load(self.run_id)
        return texts.output if texts else None

    @classmethod
    def of(cls, run: Listed) -> Self:
        """As administrators see it."""
        return cls(
            id=to_global_id(_TYPE, run.id),
            run_id=run.id,
            operation=run.operation,
            step=run.step,
            template=run.template,
            model=run.model,
            outcome=run.outcome,
            input_tokens=run.input_tokens,
            output_tokens=run.output_tokens,
            duration_ms=run.duration_ms,
            subject=to_global_id(_SUBJECTS[run.subject_kind], run.subject),
            trace_id=run.trace_id,
            created_at=run.at,
        )


@strawberry.input
class LlmRunFilter:
    operation: str | None = None
    template: str | None = None
    model: str | None = None
    outcome: str | None = None
    subject: strawberry.ID | None = strawberry.field(default=None, description="Of a LogEntry, Ticket or Changelog.")
    created_after: datetime | None = strawberry.field(default=None, description="This moment is not among them.")
    created_before: datetime | None = strawberry.field(default=None, description="This moment is not among them.")


@strawberry.type
class LlmRunQuery:
    @strawberry.field(
        description="What language models were asked in the last days, 30 unless the operator chose otherwise; newest "
        "first, totalCount ends at 10,000. Inputs and outputs have up to 32 KiB each: ask for small pages of them. "
        "Reading it is recorded. ADMIN only."
    )
    async def llm_runs(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        filter: LlmRunFilter | None = None,  # noqa: A002
    ) -> Connection[LlmRun]:
        viewer = await info.context.require("llmRuns")
        request, condition = PageRequest.of(first, after, None, None), _condition(checked(filter or LlmRunFilter()))
        runs = info.context.use_cases.llm_runs
        rows, has_next = await runs.page(viewer, request, condition, info.context.address)
        return Connection.of(
            [(Position(run.at, run.id), LlmRun.of(run)) for run in rows],
            has_next=has_next,
            has_previous=after is not None,
            counter=partial(runs.count, condition),
        )


async def llm_run(info: Info, viewer: Viewer, identity: UUID) -> LlmRun | None:
    """One run; None where there is none that ``viewer`` may see."""
    if not may_use(viewer, "llmRuns"):
        return None
    found = await info.context.use_cases.llm_runs.get(viewer, identity, info.context.address)
    return LlmRun.of(found) if found else None


def _condition(asked: LlmRunFilter) -> Condition:
    """Raises InvalidPage where the subject is not the id of anything that a model can be asked about."""
    subject = None
    if asked.subject is not None:
        parsed = from_global_id(asked.subject)
        if parsed is None or parsed[0] not in _SUBJECTS.values():
            raise InvalidPage("filter.subject is not the id of a LogEntry, Ticket or Changelog")
        subject = parsed[1]
    return Condition(
        operation=asked.operation,
        template=asked.template,
        model=asked.model,
        outcome=asked.outcome,
        subject=subject,
        created_after=asked.created_after,
        created_before=asked.created_before,
    )
