"""What people do with a changelog: edit its draft, approve it, publish it; and what they did."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from aiops_changelog.domain import (
    Changelog,
    ChangelogStatus,
    ChangeSection,
    EntryEdit,
    InvalidTransition,
    JobState,
    Revision,
    UnknownEntries,
)
from aiops_changelog.engine import redraft
from aiops_changelog.repository import ChangelogRepository
from aiops_changelog.service.generation import SOURCE
from aiops_common.logging import get_logger
from aiops_common.messaging.message import MAX_MESSAGE_BYTES, Delivery
from aiops_common.messaging.updates import Settled, Updates
from aiops_common.postgres import Connection, Pool
from aiops_common.redaction import redact_fields
from aiops_contracts.base import ChangePage, Event
from aiops_contracts.changelog import (
    NAME_LIMITS,
    SUMMARY_LIMIT,
    TEXT_LIMITS,
    ChangelogEdited,
    ChangelogReply,
    ChangelogSnapshot,
    ChangelogStatusChanged,
    EditChangelog,
    ListChangelogChanges,
    UpdateChangelogStatus,
)

_log = get_logger(__name__)

R = TypeVar("R", EditChangelog, UpdateChangelogStatus)

_LARGEST = MAX_MESSAGE_BYTES // 2 - 512 * 1024
"""Bytes of the largest snapshot that an edit may lead to: its history tells of it before and after, in one message."""


class ChangelogReview:
    """The life of a changelog after it was generated, as the consumers call for it."""

    def __init__(
        self,
        pool: Pool,
        repository: ChangelogRepository,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pool = pool
        self._repository = repository
        self._updates = Updates(repository, source=SOURCE)
        self._clock = clock

    async def edit(self, delivery: Delivery[EditChangelog]) -> ChangelogReply:
        """Edit a draft if nobody changed it meanwhile; its Markdown, notes and bump follow from what is there then."""
        reply = await self._edited(delivery)
        _log.info(
            "changelog.edit_decided",
            message_id=delivery.id,
            changelog_id=delivery.message.changelog_id,
            entries=len(delivery.message.entries),
            outcome=reply.outcome,
            by=delivery.principal,
        )
        return reply

    async def update_status(self, delivery: Delivery[UpdateChangelogStatus]) -> ChangelogReply:
        """Approve, publish or take back a changelog if nobody changed it meanwhile."""
        reply = await self._moved(delivery)
        _log.info(
            "changelog.status_decided",
            message_id=delivery.id,
            changelog_id=delivery.message.changelog_id,
            status=delivery.message.status,
            outcome=reply.outcome,
            by=delivery.principal,
        )
        return reply

    async def changes(self, delivery: Delivery[ListChangelogChanges]) -> ChangePage:
        """Versions of a changelog, oldest first; none where there is no such changelog."""
        request = delivery.message
        async with self._pool.transaction() as connection:
            return await self._repository.history.page(
                connection, request.changelog_id, after=request.after, limit=request.limit
            )

    async def _edited(self, delivery: Delivery[EditChangelog]) -> ChangelogReply:
        # Thousands of entries take a while to render: not while the row is locked, and not on the loop.
        async with self._pool.transaction() as connection:
            before = await self._begin(connection, delivery)
        if isinstance(before, ChangelogReply):
            return before
        if before.status is not ChangelogStatus.DRAFT:
            return _reply("NOT_A_DRAFT", before)
        try:
            after = await asyncio.to_thread(_revised, before, delivery.message, self._clock())
        except UnknownEntries as error:
            return ChangelogReply(outcome="UNKNOWN_ENTRY", changelog=_snapshot(before), unknown=error.unknown)
        if after is None:
            return _reply("TOO_LARGE", before)
        async with self._pool.transaction() as connection:
            before = await self._begin(connection, delivery)
            if isinstance(before, ChangelogReply):
                return before
            event = ChangelogEdited(changelog=_snapshot(after))
            await self._write(connection, delivery, before, after, "changelog.edited", event)
        return _reply("UPDATED", after)

    async def _moved(self, delivery: Delivery[UpdateChangelogStatus]) -> ChangelogReply:
        request = delivery.message
        async with self._pool.transaction() as connection:
            before = await self._begin(connection, delivery)
            if isinstance(before, ChangelogReply):
                return before
            try:
                after = before.move(ChangelogStatus(request.status), request.changed_by, self._clock())
            except InvalidTransition as error:
                return ChangelogReply.model_validate(
                    {"outcome": "INVALID_TRANSITION", "changelog": _snapshot(before), "allowed": error.allowed}
                )
            event = ChangelogStatusChanged(changelog=_snapshot(after))
            await self._write(connection, delivery, before, after, "changelog.status_changed", event)
        return _reply("UPDATED", after)

    async def _begin(self, connection: Connection, delivery: Delivery[R]) -> Changelog | ChangelogReply:
        """The changelog, locked, or the answer where it is not to be changed by this request (any more)."""
        request = delivery.message
        found = await self._updates.begin(connection, delivery, request.changelog_id, request.expected_version)
        if isinstance(found, Settled):
            return _reply(found.outcome, found.entity)
        return found if found.state is JobState.SUCCEEDED else _reply("NOT_READY", found)

    async def _write(
        self,
        connection: Connection,
        delivery: Delivery[R],
        before: Changelog,
        after: Changelog,
        kind: str,
        event: Event,
    ) -> None:
        if not await self._repository.is_recorded(connection, before):
            # Folded onto nothing, what changes now would be all that is known of it.
            history = self._repository.history
            await history.append(connection, history.change(None, before, "changelog.generated"))
        await self._updates.write(connection, delivery, before, after, kind=kind, event=event)


def _revised(before: Changelog, request: EditChangelog, at: datetime) -> Changelog | None:
    """``before`` as edited, None where that would be too large to tell of. Raises UnknownEntries.

    Notes that a person or a model wrote stay until the edit brings others, or an empty text, for which the engine
    writes them again. Those of a model may then say what an edit has changed; but the provenance would still name the
    model above notes that it never wrote, and nobody asked to lose them.
    """
    asked = redact_fields(request, texts={**TEXT_LIMITS, "summary": SUMMARY_LIMIT}, names=NAME_LIMITS)
    edits = [
        EntryEdit(one.entry_id, one.text, one.scope, ChangeSection(one.section) if one.section else None)
        for one in asked.entries
    ]
    kept_release = None if before.is_release_derived else before.release
    unedited = Revision(before.project, before.previous_release, before.entries, kept_release)
    kept_summary = before.summary if before.has_own_summary else None
    if kept_summary and not before.is_edited and kept_summary == redraft(unedited, released_on=at.date()).summary:
        kept_summary = None  # the model worded entries only: the notes are the engine's
    revision = replace(
        unedited,
        entries=before.entries.edited(edits),
        release=asked.release or kept_release,
        summary=kept_summary if asked.summary is None else asked.summary or None,
    )
    after = before.edited(revision, redraft(revision, released_on=at.date()), at)
    return after if len(_snapshot(after).model_dump_json().encode()) <= _LARGEST else None


def _snapshot(changelog: Changelog) -> ChangelogSnapshot:
    return ChangelogSnapshot.model_validate(changelog)


def _reply(outcome: str, changelog: Changelog | None) -> ChangelogReply:
    return ChangelogReply.model_validate({"outcome": outcome, "changelog": changelog and _snapshot(changelog)})
