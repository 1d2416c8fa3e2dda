"""Making a changelog, giving one up, and telling of all that there are."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from aiops_changelog.domain import (
    AlreadyReviewed,
    Changelog,
    ChangeSection,
    Commit,
    Draft,
    Entries,
    Entry,
    JobFailure,
    JobState,
    Provenance,
    Revision,
)
from aiops_changelog.engine import generate, generate_from_entries, redraft
from aiops_changelog.prompts import OPERATION, improving
from aiops_changelog.repository import ChangelogRepository
from aiops_common.engines import engine, job_done
from aiops_common.flags import Flags
from aiops_common.llm import Chain, LanguageModel, improve
from aiops_common.llm.guarded import GuardedModel
from aiops_common.messaging.effects import Effect, EffectWriter
from aiops_common.messaging.leases import Leases
from aiops_common.messaging.message import Delivery, Poison
from aiops_common.messaging.relay import HandOver
from aiops_common.messaging.replay import cut_page
from aiops_common.postgres import Pool
from aiops_common.redaction import redact_fields
from aiops_common.run_records import recorded
from aiops_common.telemetry import current_trace_id, elapsed_ms
from aiops_contracts import base
from aiops_contracts.base import Event
from aiops_contracts.changelog import (
    NAME_LIMITS,
    TEXT_LIMITS,
    ChangelogFailed,
    ChangelogGenerated,
    ChangelogSnapshot,
    GenerateChangelog,
    LlmRunsRecorded,
    ReplayChangelogs,
    ReplayedChangelogs,
)

SOURCE = "aiops/changelog"


class ChangelogService:
    """Changelogs as the consumers call for them."""

    def __init__(
        self,
        pool: Pool,
        repository: ChangelogRepository,
        hand_over: HandOver,
        model: LanguageModel | None,
        leases: Leases,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        chain: Chain | None = None,
        flags: Flags | None = None,
    ) -> None:
        self._model = GuardedModel(model, chain or OPERATION.chain(), OPERATION, flags, owner="changelog")
        self._leases = leases
        self._clock = clock
        self._pool = pool
        self._repository = repository
        self._effects = EffectWriter(pool, repository, hand_over, source=SOURCE)

    async def generate(self, delivery: Delivery[GenerateChangelog]) -> None:
        """Make the changelog, and store and tell it once per message id."""
        async with self._leases.hold(delivery) as is_new:
            if is_new:
                await self._generate_new(delivery)

    async def _generate_new(self, delivery: Delivery[GenerateChangelog]) -> None:
        command = await asyncio.to_thread(redacted_command, delivery)
        received = self._received(delivery, command)
        started = time.monotonic_ns()
        with engine(
            "render", {"aiops.commits": len(command.commits or ()), "aiops.entries": len(command.entries or ())}
        ):
            draft = await asyncio.to_thread(self._draft, command)
        # Without entries there is nothing to write about.
        asking = await self._model.asking(delivery, is_wanted=bool(draft.sections))
        flow = improving(asking.chain, received.project, lambda reworded: self._rendered(received, reworded))
        improved = await improve(asking.model, draft, flow, asking.chain.work(delivery.id))
        provenance = improved.provenance(Provenance, elapsed_ms(started))
        done = received.succeeded(improved.result, provenance, self._clock())
        also = recorded(improved.runs, LlmRunsRecorded)
        effect = Effect(delivery, _following(done), _generated, "changelog.generated", also)
        is_written = await self._effects.write(effect)
        job_done(delivery, provenance, is_written=is_written)

    async def give_up(self, delivery: Delivery[GenerateChangelog], failure: base.JobFailure) -> None:
        """Store and tell that the changelog could not be made, unless it was."""
        reason = JobFailure(code=failure.code, message=failure.message, attempts=failure.attempts)
        failed = self._received(delivery, await asyncio.to_thread(redacted_command, delivery)).failed(
            reason, self._clock()
        )
        await self._effects.write_failure(Effect(delivery, failed.following, _failed, "changelog.failed"))

    def _draft(self, command: GenerateChangelog) -> Draft:
        today = self._clock().date()
        project, release, previous = command.project, command.release, command.previous_release
        if command.entries is not None:
            entries = [
                Entry(ChangeSection(e.section), e.text, e.scope, e.references, e.authors, e.breaking)
                for e in command.entries
            ]
            return generate_from_entries(
                entries, project=project, release=release, previous_release=previous, released_on=today
            )
        commits = [Commit(c.message, c.hash, c.author, c.committed_at, c.paths) for c in command.commits or ()]
        return generate(commits, project=project, release=release, previous_release=previous, released_on=today)

    def _rendered(self, changelog: Changelog, draft: Draft) -> Draft:
        """``draft`` with Markdown and summary of its entries as they are now; what they ask for stays."""
        entries = Entries(draft.sections, draft.reverted, draft.needs_review)
        revision = Revision(changelog.project, changelog.previous_release, entries, draft.release)
        anew = redraft(revision, released_on=self._clock().date())
        return replace(draft, markdown=anew.markdown, summary=anew.summary)

    def _received(self, delivery: Delivery[GenerateChangelog], command: GenerateChangelog) -> Changelog:
        return Changelog(
            id=delivery.id,
            version=0,
            state=JobState.PENDING,
            project=command.project,
            release=command.release,
            previous_release=command.previous_release,
            trace_id=current_trace_id(),
            created_at=delivery.time,
            updated_at=self._clock(),
        )

    async def replay(self, delivery: Delivery[ReplayChangelogs]) -> ReplayedChangelogs:
        """One page of all changelogs, as their events told of them."""
        request = delivery.message
        async with self._pool.transaction() as connection:
            changelogs = self._repository.after(connection, request.after, request.limit + 1)
            page = await cut_page(changelogs, _snapshot, lambda changelog: changelog.id, limit=request.limit)
        return ReplayedChangelogs(snapshots=page.snapshots, next_after=page.next_after)


def redacted_command(delivery: Delivery[GenerateChangelog]) -> GenerateChangelog:
    """The command with its texts and names redacted, unless one of our own services did that."""
    if delivery.message.redacted and not delivery.is_from_outside:
        return delivery.message
    return redact_fields(delivery.message, texts=TEXT_LIMITS, names=NAME_LIMITS)


def _following(done: Changelog) -> Callable[[Changelog | None], Changelog]:
    def follow(before: Changelog | None) -> Changelog:
        try:
            return done.following(before)
        except AlreadyReviewed as error:
            raise Poison("id_taken", str(error)) from error

    return follow


def _snapshot(changelog: Changelog) -> ChangelogSnapshot:
    return ChangelogSnapshot.model_validate(changelog)


def _generated(changelog: Changelog) -> Event:
    return ChangelogGenerated(changelog=_snapshot(changelog))


def _failed(changelog: Changelog) -> Event:
    return ChangelogFailed(changelog=_snapshot(changelog))
