"""What is decided about tickets and changelogs: asked of their owners over the broker, answered within a deadline."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar
from uuid import UUID

from aiops_common.messaging.message import current_trace_headers
from aiops_common.messaging.requests import NoReply, Requester
from aiops_common.postgres import Pool
from aiops_contracts.base import Request, Snapshot
from aiops_contracts.changelog import ChangelogReply, EditChangelog, UpdateChangelogStatus
from aiops_contracts.triage import CorrectTriage, TicketStatusReply, TriageCorrectionReply, UpdateTicketStatus
from aiops_gateway.domain.access import Viewer
from aiops_gateway.repository import read_model
from aiops_gateway.repository.read_model import CHANGELOGS, TICKETS, Kind
from aiops_gateway.service.acceptance import Identity
from aiops_gateway.service.answers import Answer, Answers
from aiops_gateway.service.audit import Audit
from aiops_gateway.service.kept_replies import (
    changelog_reply_to_keep,
    kept_changelog_reply,
    kept_ticket_reply,
    ticket_reply_to_keep,
)
from aiops_gateway.service.redacting import redacted_correction, redacted_edit

Reply: TypeAlias = TicketStatusReply | TriageCorrectionReply | ChangelogReply
R = TypeVar("R", TicketStatusReply, TriageCorrectionReply, ChangelogReply)


@dataclass(frozen=True, slots=True)
class Occasion:
    """Who has what done to which version of what, and from where; ``operation`` is the root field."""

    viewer: Viewer
    operation: str
    subject: UUID
    expected_version: int
    address: str | None

    def identity(self, key: str | None, request: Request) -> Identity:
        """What the request is known by, before anything in it is redacted."""
        return Identity.of(self.viewer, self.operation, key, request)


@dataclass(frozen=True, slots=True)
class _Owner(Generic[R]):
    """Whom to ask, what answers, and what the answer is about."""

    name: str
    reply: type[R]
    kind: Kind[Any]


_MOVED: Final = _Owner("triage", TicketStatusReply, TICKETS)
_CORRECTED: Final = _Owner("triage", TriageCorrectionReply, TICKETS)
_CHANGELOG: Final = _Owner("changelog", ChangelogReply, CHANGELOGS)


class Workflow:
    """Requests to triage and changelog. What an answer tells is projected before it is returned, so that a client that
    reads next sees it. Under an idempotency key something is asked for once, and its repetitions get the answer that
    it got, whatever was decided meanwhile; only a refused changelog is left out of it once there is a newer version.

    All raise NoReply where the owner does not answer in time, KeyReused where the key stands for something else,
    StillRunning where another gateway is at it. All but the move of a ticket is written into the audit log before it is
    asked for, with the ``address`` that it came from; DatabaseUnavailable where that cannot be.
    """

    def __init__(self, pool: Pool, requester: Requester, answers: Answers, audit: Audit) -> None:
        self._pool = pool
        self._requester = requester
        self._answers = answers
        self._audit = audit

    async def update_ticket_status(
        self, viewer: Viewer, request: UpdateTicketStatus, key: str | None
    ) -> TicketStatusReply:
        """Move a ticket."""
        identity = Identity.of(viewer, "updateTicketStatus", key, request)

        async def act() -> Answer:
            return ticket_reply_to_keep(await self._ask(viewer, identity, request, _MOVED))

        kept = await self._answers.once(identity, act, may_be_done=True)
        return await kept_ticket_reply(self._pool, kept, TicketStatusReply)

    async def correct_triage(
        self, viewer: Viewer, request: CorrectTriage, key: str | None, address: str | None
    ) -> TriageCorrectionReply:
        """Put right what triage decided about a ticket; the comment is redacted before it is sent."""
        occasion = Occasion(viewer, "correctTriage", request.ticket_id, request.expected_version, address)
        identity, redacted = occasion.identity(key, request), redacted_correction(request)

        async def act() -> Answer:
            async with self._on_record(occasion) as record:
                return ticket_reply_to_keep(await self._ask(viewer, identity, redacted, _CORRECTED, record))

        kept = await self._answers.once(identity, act, may_be_done=True)
        return await kept_ticket_reply(self._pool, kept, TriageCorrectionReply)

    async def edit_changelog(
        self, viewer: Viewer, request: EditChangelog, key: str | None, address: str | None
    ) -> ChangelogReply:
        """Edit a draft; its texts and names are redacted before they are sent."""
        occasion = Occasion(viewer, "editChangelog", request.changelog_id, request.expected_version, address)
        return await self._changelog(occasion, occasion.identity(key, request), await redacted_edit(request))

    async def update_changelog_status(
        self, viewer: Viewer, operation: str, request: UpdateChangelogStatus, key: str | None, address: str | None
    ) -> ChangelogReply:
        """Approve, publish or reopen a changelog: whichever root field ``operation`` is."""
        occasion = Occasion(viewer, operation, request.changelog_id, request.expected_version, address)
        return await self._changelog(occasion, occasion.identity(key, request), request)

    async def _changelog(
        self, occasion: Occasion, identity: Identity, request: EditChangelog | UpdateChangelogStatus
    ) -> ChangelogReply:
        async def decide() -> ChangelogReply:
            async with self._on_record(occasion) as record:
                return await self._ask(occasion.viewer, identity, request, _CHANGELOG, record)

        async def act() -> Answer:
            # Versions that are gone are in the owner's history too; from here they come while the owner is away.
            return changelog_reply_to_keep(await decide())

        if identity.digest is None:
            return await decide()  # nothing is kept, and to make it JSON and back takes a while
        return await kept_changelog_reply(self._pool, await self._answers.once(identity, act, may_be_done=True))

    async def _ask(
        self,
        viewer: Viewer,
        identity: Identity,
        request: Request,
        owner: _Owner[R],
        record: Callable[[Reply], None] | None = None,
    ) -> R:
        """The answer, projected. ``record`` gets it before that: it is decided, whether or not it can be projected."""
        reply = await self._requester.ask(
            owner.name, request, owner.reply, principal=viewer.principal, message_id=identity.message_id
        )
        if record is not None:
            record(reply)
        snapshot = _subject_of(reply)
        if snapshot is not None:
            async with self._pool.transaction() as connection:
                traceparent = current_trace_headers().get("traceparent")
                await read_model.project(connection, owner.kind, [snapshot], [traceparent])
        return reply

    @asynccontextmanager
    async def _on_record(self, occasion: Occasion) -> AsyncIterator[Callable[[Reply], None]]:
        """Record an attempt, and what came of it: yields what takes down the owner's answer."""
        attempt = await self._audit.intend(
            occasion.viewer,
            occasion.operation,
            {"expected_version": occasion.expected_version},
            subject=occasion.subject,
            address=occasion.address,
        )
        outcome, facts = "UNKNOWN", dict[str, Any]()

        def record(reply: Reply) -> None:
            nonlocal outcome, facts
            snapshot = _subject_of(reply)
            outcome = "OK" if reply.outcome == "UPDATED" else reply.outcome
            facts = {"version": snapshot.version} if snapshot is not None else {}

        try:
            yield record
        except NoReply:
            outcome = "UNAVAILABLE"
            raise
        finally:
            await self._audit.conclude(attempt, outcome, facts)


def _subject_of(reply: Reply) -> Snapshot | None:
    return reply.changelog if isinstance(reply, ChangelogReply) else reply.ticket
