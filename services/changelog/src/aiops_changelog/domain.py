"""What a changelog is. Field names and enum values equal the wire contract's; nothing here does IO."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class ChangeSection(StrEnum):
    """Sections of Keep a Changelog 1.1, with BREAKING before and INTERNAL behind them."""

    BREAKING = "BREAKING"
    ADDED = "ADDED"
    CHANGED = "CHANGED"
    DEPRECATED = "DEPRECATED"
    REMOVED = "REMOVED"
    FIXED = "FIXED"
    SECURITY = "SECURITY"
    INTERNAL = "INTERNAL"


class Bump(StrEnum):
    """Which part of the version to raise (SemVer 2.0)."""

    MAJOR = "MAJOR"
    MINOR = "MINOR"
    PATCH = "PATCH"
    NONE = "NONE"


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
class Commit:
    """One commit to describe; ``paths`` are the files it changed."""

    message: str
    hash: str | None = None
    author: str | None = None
    committed_at: datetime | None = None
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry that somebody already wrote and put into a section."""

    section: ChangeSection
    text: str
    scope: str | None = None
    references: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    breaking: bool = False


@dataclass(frozen=True, slots=True)
class ChangelogEntry:
    """One line of a changelog and the commits it stands for."""

    text: str
    scope: str | None = None
    type: str | None = None
    breaking: bool = False
    commits: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    inferred: bool = False


@dataclass(frozen=True, slots=True)
class ChangelogSection:
    """A section and its entries, in the order they are shown."""

    section: ChangeSection
    entries: tuple[ChangelogEntry, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """What the engine makes of its input: every commit is in exactly one of sections, reverted, needs_review.

    ``release`` is the one asked for, or the one that follows from the previous release and the bump, or None where
    neither is known. ``bump_reason`` names the commit that decides ``suggested_bump``.
    """

    sections: tuple[ChangelogSection, ...]
    reverted: tuple[ChangelogEntry, ...]
    needs_review: tuple[ChangelogEntry, ...]
    suggested_bump: Bump
    release: str | None
    markdown: str
    summary: str
    bump_reason: str


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
class Changelog:
    """A changelog at one version; every change makes a new object with the next version."""

    id: UUID
    version: int
    state: JobState
    project: str
    created_at: datetime
    updated_at: datetime
    release: str | None = None
    previous_release: str | None = None
    suggested_bump: Bump | None = None
    sections: tuple[ChangelogSection, ...] = ()
    reverted: tuple[ChangelogEntry, ...] = ()
    needs_review: tuple[ChangelogEntry, ...] = ()
    markdown: str | None = None
    summary: str | None = None
    provenance: Provenance | None = None
    failure: JobFailure | None = None
    trace_id: str | None = None

    def following(self, before: "Changelog | None") -> "Changelog":
        """This changelog as the version after ``before``."""
        if before is None:
            return replace(self, version=1)
        return replace(self, version=before.version + 1, created_at=before.created_at)

    def succeeded(self, draft: Draft, provenance: Provenance, at: datetime) -> "Changelog":
        """This changelog with the draft's content, one version on."""
        return replace(
            self,
            version=self.version + 1,
            state=JobState.SUCCEEDED,
            release=draft.release,
            suggested_bump=draft.suggested_bump,
            sections=draft.sections,
            reverted=draft.reverted,
            needs_review=draft.needs_review,
            markdown=draft.markdown,
            summary=draft.summary,
            provenance=provenance,
            failure=None,
            updated_at=at,
        )

    def failed(self, failure: JobFailure, at: datetime) -> "Changelog":
        """This changelog given up, one version on."""
        return replace(self, version=self.version + 1, state=JobState.FAILED, failure=failure, updated_at=at)
