"""Messages owned by changelog."""

from enum import StrEnum
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field, model_validator

from aiops_contracts.base import (
    Command,
    Event,
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
    """One line of a changelog and the commits it stands for."""

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
    """A changelog: every input entry is in exactly one of sections, reverted, needs_review."""

    project: str
    release: str | None = None
    previous_release: str | None = None
    suggested_bump: Bump | None = None
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


class ReplayChangelogs(Request):
    """Ask for changelogs as they are now, in the order of their ids; ``after`` is the last page's ``next_after``."""

    message_type: ClassVar[str] = "changelog.replay_changelogs.v1"
    after: UUID | None = None
    limit: ReplayLimit


class ReplayedChangelogs(Model):
    """Answer to ReplayChangelogs: a page; ``next_after`` is None on the last one."""

    snapshots: tuple[ChangelogSnapshot, ...]
    next_after: UUID | None = None
