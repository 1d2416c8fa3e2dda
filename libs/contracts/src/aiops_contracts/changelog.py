"""Messages owned by changelog."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from aiops_contracts.base import (
    Command,
    Event,
    LlmRun,
    Model,
    Provenance,
    ReplayLimit,
    Request,
    Snapshot,
    Storable,
    Timestamp,
)

MAX_COMMITS = 10_000
"""Most commits or entries that one command may carry."""

MAX_NAMED = 1_000
"""Most paths, references or authors that one of them may have."""

_NAMED = Field(max_length=MAX_NAMED, fail_fast=True)  # the first mistake will do: there may be thousands


TEXT_LIMITS = {
    "message": 64 * 1024,
    "author": 320,
    "paths": 4096,
    "text": 4096,
    "scope": 200,
    "references": 200,
    "authors": 320,
}
"""Fields of commits and entries that hold text, and the most characters each may have."""

NAME_LIMITS = {"project": 200, "release": 100, "previous_release": 100}
"""Fields that name something, and the most characters each may have."""

SUMMARY_LIMIT = 64 * 1024
"""Most characters of notes that somebody writes."""


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
    """Which part of the version the changes ask to raise (SemVer 2.0)."""

    MAJOR = "MAJOR"
    MINOR = "MINOR"
    PATCH = "PATCH"
    NONE = "NONE"


class ChangelogStatus(StrEnum):
    """Where a changelog stands: it is drafted, edited as often as one likes, approved, and then published for good."""

    DRAFT = "DRAFT"
    APPROVED = "APPROVED"
    PUBLISHED = "PUBLISHED"


class CommitInput(Model):
    """One commit; ``paths`` are the files it changed."""

    message: Annotated[str, Field(min_length=1, max_length=TEXT_LIMITS["message"]), Storable]
    hash: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{4,64}$"), Storable] | None = None
    author: Annotated[str, Field(max_length=TEXT_LIMITS["author"]), Storable] | None = None
    committed_at: Timestamp | None = None
    paths: Annotated[tuple[Annotated[str, Field(max_length=TEXT_LIMITS["paths"]), Storable], ...], _NAMED] = ()


class EntryInput(Model):
    """One entry that somebody already wrote."""

    section: ChangeSection
    text: Annotated[str, Field(min_length=1, max_length=TEXT_LIMITS["text"]), Storable]
    scope: Annotated[str, Field(max_length=TEXT_LIMITS["scope"]), Storable] | None = None
    references: Annotated[
        tuple[Annotated[str, Field(max_length=TEXT_LIMITS["references"]), Storable], ...], _NAMED
    ] = ()
    authors: Annotated[tuple[Annotated[str, Field(max_length=TEXT_LIMITS["authors"]), Storable], ...], _NAMED] = ()
    breaking: bool = False


class ChangelogEntry(Model):
    """One line of a changelog and the commits it stands for; ``id`` is unique within it and outlives edits."""

    id: str = ""
    text: str
    scope: str | None = None
    type: str | None = None
    breaking: bool = False
    commits: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    inferred: bool = False


class ChangelogSection(Model):
    """A section and its entries, in the order they are shown."""

    section: ChangeSection
    entries: tuple[ChangelogEntry, ...]


class ChangelogSnapshot(Snapshot):
    """A changelog: every input entry is in exactly one of sections, reverted, needs_review.

    ``bump_reason`` names the commit that decides ``suggested_bump``.
    """

    project: str
    release: str | None = None
    previous_release: str | None = None
    suggested_bump: Bump | None = None
    bump_reason: str | None = None
    status: ChangelogStatus = ChangelogStatus.DRAFT
    approved_by: UUID | None = None
    approved_at: Timestamp | None = None
    published_by: UUID | None = None
    published_at: Timestamp | None = None
    sections: tuple[ChangelogSection, ...] = ()
    reverted: tuple[ChangelogEntry, ...] = ()
    needs_review: tuple[ChangelogEntry, ...] = ()
    markdown: str | None = None
    summary: str | None = None
    provenance: Provenance | None = None


class GenerateChangelog(Command):
    """Make a changelog from commits or from ready entries. The message id becomes the changelog's id.

    ``redacted`` says that all of its texts and names were redacted already; it is believed from the project's own
    services only.
    """

    message_type: ClassVar[str] = "changelog.generate_changelog.v1"
    project: Annotated[str, Field(min_length=1, max_length=NAME_LIMITS["project"]), Storable]
    release: Annotated[str, Field(min_length=1, max_length=NAME_LIMITS["release"]), Storable] | None = None
    previous_release: (
        Annotated[str, Field(min_length=1, max_length=NAME_LIMITS["previous_release"]), Storable] | None
    ) = None
    commits: Annotated[tuple[CommitInput, ...], Field(max_length=MAX_COMMITS)] | None = None
    entries: Annotated[tuple[EntryInput, ...], Field(max_length=MAX_COMMITS)] | None = None
    redacted: bool = False

    @model_validator(mode="after")
    def _exactly_one_input(self) -> Self:
        if (self.commits is None) == (self.entries is None):
            raise ValueError("give exactly one of commits and entries")
        return self


class ChangelogGenerated(Event):
    """A changelog is drafted."""

    message_type: ClassVar[str] = "changelog.changelog_generated.v1"
    changelog: ChangelogSnapshot


class ChangelogFailed(Event):
    """A changelog could not be made; ``changelog.failure`` says why."""

    message_type: ClassVar[str] = "changelog.changelog_failed.v1"
    changelog: ChangelogSnapshot


class ChangelogEdited(Event):
    """Somebody edited a draft."""

    message_type: ClassVar[str] = "changelog.changelog_edited.v1"
    changelog: ChangelogSnapshot


class ChangelogStatusChanged(Event):
    """A changelog was approved, published, or taken back to be edited."""

    message_type: ClassVar[str] = "changelog.changelog_status_changed.v1"
    changelog: ChangelogSnapshot


class LlmRunsRecorded(Event):
    """A language model was asked about a changelog."""

    message_type: ClassVar[str] = "changelog.llm_runs_recorded.v1"
    runs: tuple[LlmRun, ...]


class EntryEdit(Model):
    """What to change of the entry with this id; what is None stays, an empty ``scope`` is taken away.

    ``section`` moves it there, also out of needs_review or reverted. What moves to BREAKING is breaking, what leaves it
    is not any more.
    """

    entry_id: Annotated[str, Field(min_length=1, max_length=100), Storable]
    text: (
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_LIMITS["text"]), Storable]
        | None
    ) = None
    scope: Annotated[str, Field(max_length=TEXT_LIMITS["scope"]), Storable] | None = None
    section: ChangeSection | None = None


class EditChangelog(Request):
    """Edit a draft if it still is at ``expected_version``; all edits take effect or none does.

    ``release`` and ``summary`` replace what is there, and stay until they are replaced; an empty ``summary`` is written
    by the engine again. The Markdown, the bump and notes that the engine wrote follow from the entries.
    """

    message_type: ClassVar[str] = "changelog.edit_changelog.v1"
    changelog_id: UUID
    expected_version: int
    entries: Annotated[tuple[EntryEdit, ...], Field(max_length=MAX_COMMITS)] = ()
    release: Annotated[str, Field(min_length=1, max_length=NAME_LIMITS["release"]), Storable] | None = None
    summary: Annotated[str, Field(max_length=SUMMARY_LIMIT), Storable] | None = None
    edited_by: UUID


class UpdateChangelogStatus(Request):
    """Move a changelog to ``status`` if it still is at ``expected_version``.

    DRAFT can become APPROVED, APPROVED can become PUBLISHED or DRAFT again; PUBLISHED stays.
    """

    message_type: ClassVar[str] = "changelog.update_changelog_status.v1"
    changelog_id: UUID
    expected_version: int
    status: ChangelogStatus
    changed_by: UUID


class ChangelogReply(Model):
    """Answer to EditChangelog and UpdateChangelogStatus; ``changelog`` is the current one, also on a conflict.

    NOT_A_DRAFT: only a draft may be edited. NOT_READY: it was not generated (yet). UNKNOWN_ENTRY: ``unknown`` names
    ids that no entry has. TOO_LARGE: with the edits it would be. INVALID_TRANSITION: ``allowed`` says what it can
    become.
    """

    outcome: Literal[
        "UPDATED",
        "NOT_FOUND",
        "VERSION_CONFLICT",
        "NOT_READY",
        "NOT_A_DRAFT",
        "UNKNOWN_ENTRY",
        "TOO_LARGE",
        "INVALID_TRANSITION",
    ]
    changelog: ChangelogSnapshot | None = None
    unknown: tuple[str, ...] = ()
    allowed: tuple[ChangelogStatus, ...] = ()


class ReplayChangelogs(Request):
    """Ask for changelogs as they are now, in the order of their ids; ``after`` is the last page's ``next_after``."""

    message_type: ClassVar[str] = "changelog.replay_changelogs.v1"
    after: UUID | None = None
    limit: ReplayLimit


class ReplayedChangelogs(Model):
    """Answer to ReplayChangelogs: a page; ``next_after`` is None on the last one."""

    snapshots: tuple[ChangelogSnapshot, ...]
    next_after: UUID | None = None


class ListChangelogChanges(Request):
    """Ask for the versions of a changelog above ``after``, oldest first; answered with a ChangePage."""

    message_type: ClassVar[str] = "changelog.list_changelog_changes.v1"
    changelog_id: UUID
    after: Annotated[int, Field(ge=0)] = 0
    limit: ReplayLimit
