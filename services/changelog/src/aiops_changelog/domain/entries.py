"""What a changelog is made of and made from. Field names and enum values equal the wire contract's."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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
    """One line of a changelog and the commits it stands for.

    ``id`` is unique within its changelog. ``bump`` is what it asks for, None where its section alone
    says that.
    """

    text: str
    scope: str | None = None
    type: str | None = None
    breaking: bool = False
    commits: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    inferred: bool = False
    id: str = ""
    bump: Bump | None = None


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
