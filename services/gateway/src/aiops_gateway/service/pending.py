"""Work that is accepted and not done: the rows that readers see until its owner tells of it.

A row follows from its redacted command alone, so that it can be made again from the outbox.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from aiops_contracts.base import JobState
from aiops_contracts.changelog import ChangelogSnapshot, GenerateChangelog
from aiops_contracts.summarizer import LogSnapshot, SummarizeLog
from aiops_contracts.triage import TicketSnapshot, TicketStatus, TriageTicket


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a command comes from; ``id`` is that of the message and of the entity, ``time`` when it was accepted."""

    id: UUID
    time: datetime
    principal: str
    trace_id: str | None

    def job(self) -> dict[str, Any]:
        """What every kind of pending entity has."""
        return {
            "id": self.id,
            "version": 0,
            "state": JobState.PENDING,
            "trace_id": self.trace_id,
            "created_at": self.time,
            "updated_at": self.time,
        }


def pending_log(command: SummarizeLog, origin: Origin) -> LogSnapshot:
    """The log entry without its summary."""
    return LogSnapshot(
        **origin.job(),
        source=command.source,
        content=command.content,
        line_count=count_lines(command.content),
        byte_count=len(command.content.encode()) if command.byte_count is None else command.byte_count,
    )


def pending_ticket(command: TriageTicket, origin: Origin) -> TicketSnapshot:
    """The ticket without its triage."""
    return TicketSnapshot(
        **origin.job(),
        title=command.title,
        body=command.body,
        reporter_email=command.reporter_email,
        source=command.source or origin.principal,
        status=TicketStatus.OPEN,
    )


def pending_changelog(command: GenerateChangelog, origin: Origin) -> ChangelogSnapshot:
    """The changelog without its content."""
    return ChangelogSnapshot(
        **origin.job(),
        project=command.project,
        release=command.release,
        previous_release=command.previous_release,
    )


def count_lines(text: str) -> int:
    """Lines as the summarizer counts them: a last line needs no newline."""
    return text.count("\n") + (not text.endswith("\n"))
