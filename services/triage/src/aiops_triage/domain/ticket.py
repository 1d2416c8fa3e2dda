"""Tickets, and their life."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from aiops_triage.domain.verdict import Change, Triage


class TicketStatus(StrEnum):
    """Where a ticket stands in its life."""

    OPEN = "OPEN"
    IN_PROGRESS = "IN_PROGRESS"
    WAITING = "WAITING"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"


class JobState(StrEnum):
    """How far a piece of work has come."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailure:
    """Why a piece of work was given up, in words that its owner can read."""

    code: str
    message: str
    attempts: int


_UNSETTLED: Final = (TicketStatus.IN_PROGRESS, TicketStatus.WAITING)
_DONE: Final = (TicketStatus.RESOLVED, TicketStatus.CLOSED)
_TRANSITIONS: Final = {
    TicketStatus.OPEN: (*_UNSETTLED, *_DONE),
    TicketStatus.IN_PROGRESS: (TicketStatus.OPEN, TicketStatus.WAITING, *_DONE),
    TicketStatus.WAITING: (TicketStatus.OPEN, TicketStatus.IN_PROGRESS, *_DONE),
    TicketStatus.RESOLVED: (TicketStatus.OPEN, TicketStatus.CLOSED),
    TicketStatus.CLOSED: (TicketStatus.OPEN,),
}


def allowed_transitions(status: TicketStatus) -> tuple[TicketStatus, ...]:
    """The statuses a ticket may move to from ``status``; never ``status`` itself."""
    return _TRANSITIONS[status]


class InvalidTransition(Exception):
    """A ticket cannot move from its status to the one asked for; ``allowed`` are those it can move to."""

    def __init__(self, current: TicketStatus, asked: TicketStatus) -> None:
        self.current = current
        self.asked = asked
        self.allowed = allowed_transitions(current)
        super().__init__(f"a ticket that is {current} cannot become {asked}; choose one of: {', '.join(self.allowed)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket at one version; ``title`` and ``body`` are redacted, ``reporter_email`` is personal data."""

    id: UUID
    version: int
    title: str
    body: str
    source: str
    created_at: datetime
    updated_at: datetime
    reporter_email: str | None = None
    status: TicketStatus = TicketStatus.OPEN
    state: JobState = JobState.PENDING
    triage: Triage | None = None
    failure: JobFailure | None = None
    trace_id: str | None = None

    def following(self, before: Self | None) -> Self:
        """This ticket as the version after ``before``: whatever is decided anew, what people decided about it stays."""
        if before is None:
            return replace(self, version=1)
        kept = before if before.triage is not None and before.triage.corrected_at is not None else self
        return replace(
            self,
            version=before.version + 1,
            status=before.status,
            created_at=before.created_at,
            state=kept.state,
            triage=kept.triage,
            failure=kept.failure,
        )

    def move(self, to: TicketStatus, at: datetime) -> Self:
        """This ticket with status ``to`` since ``at`` (aware, UTC), one version on; raises InvalidTransition."""
        if to not in allowed_transitions(self.status):
            raise InvalidTransition(self.status, to)
        return replace(self, status=to, version=self.version + 1, updated_at=at)

    def correct(self, change: Change, by: UUID, at: datetime) -> Self:
        """This ticket with its triage put right by a person, one version on; raises NotTriaged."""
        if self.triage is None:
            raise NotTriaged(f"ticket {self.id} is {self.state}: nothing was decided yet that could be corrected")
        return replace(self, triage=self.triage.corrected(change, by, at), version=self.version + 1, updated_at=at)


class NotTriaged(Exception):
    """There is no verdict on the ticket that could be corrected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What a person made of a verdict, and the redacted texts it is about."""

    ticket_id: UUID
    before: Triage
    after: Triage
    title: str
    body: str
    comment: str | None = None
