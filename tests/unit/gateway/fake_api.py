"""The whole schema over use cases in memory: executed for real, as somebody of a role or as nobody."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from strawberry.types import ExecutionResult

from aiops_contracts.base import JobState, Snapshot
from aiops_contracts.summarizer import LogSnapshot
from aiops_contracts.triage import TicketSnapshot, TicketStatus
from aiops_gateway.domain.access import Viewer
from aiops_gateway.graphql.context import Context, UseCases
from aiops_gateway.repository.read_model import LOG_ENTRIES, TICKETS, Filter, Page
from aiops_gateway.service.reading import Seen
from unit.gateway.schema import built

START = datetime(2026, 1, 1, tzinfo=UTC)
_JOB: dict[str, Any] = {"version": 1, "state": JobState.SUCCEEDED, "created_at": START, "updated_at": START}


def ticket(number: int, reporter: str | None = "reporter@example.org") -> TicketSnapshot:
    """A ticket whose body is "secret <number>"."""
    return TicketSnapshot(
        **_JOB, id=UUID(int=number), title=f"t{number}", body=f"secret {number}", reporter_email=reporter,
        source="mail", status=TicketStatus.OPEN,
    )  # fmt: skip


def log(number: int) -> LogSnapshot:
    """A log entry as lists have it: without its text."""
    return LogSnapshot(**_JOB, id=UUID(int=number), source="shop", content="", line_count=1, byte_count=8)


class FakeReader:
    """A few tickets and log entries; ``reads`` says which texts were fetched, ``counted`` by which conditions."""

    def __init__(self) -> None:
        self.rows: dict[str, Sequence[Snapshot]] = {
            TICKETS.name: [ticket(1), ticket(2, None)],
            LOG_ENTRIES.name: [log(1), log(2)],
        }
        self.reads: list[UUID] = []
        self.asked: list[Filter] = []
        self.traceparent: str | None = None

    async def get(self, kind: Any, identity: UUID) -> Snapshot | None:
        return next((row for row in self.rows.get(kind.name, ()) if row.id == identity), None)

    async def page(self, kind: Any, _request: object, condition: Filter) -> Page[Any]:
        self.asked.append(condition)
        return Page(list(self.rows.get(kind.name, ())), has_next=False, has_previous=False)

    async def count(self, kind: Any, condition: Filter) -> int:
        self.asked.append(condition)
        return len(self.rows.get(kind.name, ()))

    async def contents(self, ids: Sequence[UUID]) -> dict[UUID, str]:
        self.reads += ids
        return {identity: f"secret {identity.int}" for identity in ids}

    async def watch(self, kind: Any, identity: UUID | None, _viewer: Viewer) -> AsyncIterator[Seen[Any]]:
        for row in self.rows.get(kind.name, ()):
            if identity in (None, row.id):
                yield Seen(row, is_change=identity is None, traceparent=self.traceparent)


class FakeViewers:
    """Everybody who asks is ``viewer``; several are taken one after the other, the last one stays."""

    def __init__(self, *viewers: Viewer | None) -> None:
        self.viewers = list(viewers)

    async def identify(self, _authorization: str | None) -> Viewer | None:
        return self.viewers.pop(0) if len(self.viewers) > 1 else self.viewers[0]


class Api:
    """The API over ``use_cases``, as ``viewers`` use it."""

    def __init__(self, *viewers: Viewer | None, **use_cases: object) -> None:
        self.reader = FakeReader()
        everything = {"viewers": FakeViewers(*viewers), "reader": self.reader, **use_cases}
        self.use_cases = cast(UseCases, SimpleNamespace(**everything))

    def context(self) -> Context:
        return Context(self.use_cases, authorization=None)

    async def execute(self, document: str, **variables: object) -> ExecutionResult:
        result = await built().execute(document, variable_values=variables, context_value=self.context())
        assert isinstance(result, ExecutionResult)
        return result

    async def code(self, document: str, **variables: object) -> str:
        """The codes that the document is refused with; "" where it is answered."""
        errors = (await self.execute(document, **variables)).errors or []
        return ",".join(str((error.extensions or {})["code"]) for error in errors)

    async def data(self, document: str, **variables: object) -> Any:
        """The value of the only root field."""
        result = await self.execute(document, **variables)
        assert not result.errors, result.errors
        assert result.data is not None
        return next(iter(result.data.values()))
