"""A changelog at one version, and its life: drafted, edited as often as one likes, approved, published for good."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from aiops_changelog.domain.editing import Entries
from aiops_changelog.domain.entries import Bump, ChangelogEntry, ChangelogSection, Draft


class ChangelogStatus(StrEnum):
    """Where a changelog stands."""

    DRAFT = "DRAFT"
    APPROVED = "APPROVED"
    PUBLISHED = "PUBLISHED"


_TRANSITIONS: Final = {
    ChangelogStatus.DRAFT: (ChangelogStatus.APPROVED,),
    ChangelogStatus.APPROVED: (ChangelogStatus.PUBLISHED, ChangelogStatus.DRAFT),
    ChangelogStatus.PUBLISHED: (),
}


def allowed_transitions(status: ChangelogStatus) -> tuple[ChangelogStatus, ...]:
    """The statuses a changelog may move to from ``status``; none from PUBLISHED, and never ``status`` itself."""
    return _TRANSITIONS[status]


class InvalidTransition(Exception):
    """A changelog cannot move from its status to the one asked for; ``allowed`` are those it can move to."""

    def __init__(self, current: ChangelogStatus, asked: ChangelogStatus) -> None:
        self.current = current
        self.asked = asked
        self.allowed = allowed_transitions(current)
        choice = f"choose one of: {', '.join(self.allowed)}" if self.allowed else "it stays as it is"
        super().__init__(f"a changelog that is {current} cannot become {asked}; {choice}")


class AlreadyReviewed(Exception):
    """A person edited, approved or published the changelog: it is not generated anew."""

    def __init__(self) -> None:
        super().__init__("a person has edited or approved this changelog; generate another one under a new id")


class JobState(StrEnum):
    """How far a changelog has come."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class Engine(StrEnum):
    """Who wrote an answer."""

    BUILTIN = "BUILTIN"
    LLM = "LLM"


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a result came to be."""

    engine: Engine
    duration_ms: int
    degraded: bool = False
    degraded_reason: str | None = None
    model: str | None = None
    prompt_version: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class JobFailure:
    """Why a changelog was given up, in words that its owner can read."""

    code: str
    message: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Revision:
    """What a changelog is to be drawn up from anew; ``release`` and ``summary`` are None where they follow from it."""

    project: str
    previous_release: str | None
    entries: Entries
    release: str | None = None
    summary: str | None = None


@dataclass(frozen=True, slots=True)
class Changelog:
    """A changelog at one version; every change makes a new object with the next version.

    ``is_edited`` says that a person changed it, ``is_summary_written`` that an edit brought or kept a summary that is
    not the engine's, and ``is_release_derived`` that nobody named the release, so that it follows the bump.
    ``provenance`` is that of the generation, whatever was edited since.
    """

    id: UUID
    version: int
    state: JobState
    project: str
    created_at: datetime
    updated_at: datetime
    release: str | None = None
    previous_release: str | None = None
    suggested_bump: Bump | None = None
    bump_reason: str | None = None
    status: ChangelogStatus = ChangelogStatus.DRAFT
    approved_by: UUID | None = None
    approved_at: datetime | None = None
    published_by: UUID | None = None
    published_at: datetime | None = None
    sections: tuple[ChangelogSection, ...] = ()
    reverted: tuple[ChangelogEntry, ...] = ()
    needs_review: tuple[ChangelogEntry, ...] = ()
    markdown: str | None = None
    summary: str | None = None
    provenance: Provenance | None = None
    failure: JobFailure | None = None
    trace_id: str | None = None
    is_edited: bool = False
    is_summary_written: bool = False
    is_release_derived: bool = False

    @property
    def entries(self) -> Entries:
        """All of its entries."""
        return Entries(self.sections, self.reverted, self.needs_review)

    @property
    def has_own_summary(self) -> bool:
        """Whether a person or a model wrote the summary, so that it does not follow from the entries."""
        is_a_models = self.provenance is not None and self.provenance.engine is Engine.LLM
        return self.is_summary_written or (is_a_models and not self.is_edited)

    @property
    def is_reviewed(self) -> bool:
        """Whether a person had a hand in it, so that no generation may replace it."""
        return self.is_edited or self.status is not ChangelogStatus.DRAFT

    def identified(self) -> "Changelog":
        """This changelog with an id for every entry; one that was stored without them gets the same ones each time."""
        if all(entry.id for entry in self.entries.all()):
            return self
        named = self.entries.identified()
        return replace(self, sections=named.sections, reverted=named.reverted, needs_review=named.needs_review)

    def following(self, before: "Changelog | None") -> "Changelog":
        """This changelog as the version after ``before``. Raises AlreadyReviewed where a person had a hand in that."""
        if before is None:
            return replace(self, version=1)
        if before.is_reviewed:
            raise AlreadyReviewed
        return replace(self, version=before.version + 1, created_at=before.created_at)

    def succeeded(self, draft: Draft, provenance: Provenance, at: datetime) -> "Changelog":
        """This changelog with the draft's content, one version on."""
        return replace(
            self._with(draft),
            version=self.version + 1,
            state=JobState.SUCCEEDED,
            provenance=provenance,
            failure=None,
            is_release_derived=self.release is None,
            updated_at=at,
        )

    def failed(self, failure: JobFailure, at: datetime) -> "Changelog":
        """This changelog given up, one version on."""
        return replace(self, version=self.version + 1, state=JobState.FAILED, failure=failure, updated_at=at)

    def edited(self, revision: "Revision", draft: Draft, at: datetime) -> "Changelog":
        """This draft with the content of ``draft``, which was drawn up from ``revision``, one version on."""
        return replace(
            self._with(draft),
            version=self.version + 1,
            is_edited=True,
            is_summary_written=revision.summary is not None,
            is_release_derived=revision.release is None,
            updated_at=at,
        )

    def move(self, to: ChangelogStatus, by: UUID, at: datetime) -> "Changelog":
        """This changelog with status ``to`` since ``at`` (aware, UTC), one version on; raises InvalidTransition."""
        if to not in allowed_transitions(self.status):
            raise InvalidTransition(self.status, to)
        moved = replace(self, status=to, version=self.version + 1, updated_at=at)
        match to:
            case ChangelogStatus.APPROVED:
                return replace(moved, approved_by=by, approved_at=at)
            case ChangelogStatus.PUBLISHED:
                return replace(moved, published_by=by, published_at=at)
            case _:
                return replace(moved, approved_by=None, approved_at=None)

    def _with(self, draft: Draft) -> "Changelog":
        named = Entries(draft.sections, draft.reverted, draft.needs_review).identified()
        return replace(
            self,
            release=draft.release,
            suggested_bump=draft.suggested_bump,
            bump_reason=draft.bump_reason,
            sections=named.sections,
            reverted=named.reverted,
            needs_review=named.needs_review,
            markdown=draft.markdown,
            summary=draft.summary,
        )
