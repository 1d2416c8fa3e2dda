"""What a changelog is, how its entries are edited, and its life. Standard library only, no IO."""

from aiops_changelog.domain.changelog import (
    AlreadyReviewed,
    Changelog,
    ChangelogStatus,
    Engine,
    InvalidTransition,
    JobFailure,
    JobState,
    Provenance,
    Revision,
    allowed_transitions,
)
from aiops_changelog.domain.editing import (
    Entries,
    EntryEdit,
    UnknownEntries,
)
from aiops_changelog.domain.entries import (
    Bump,
    ChangelogEntry,
    ChangelogSection,
    ChangeSection,
    Commit,
    Draft,
    Entry,
)

__all__ = [
    "AlreadyReviewed",
    "Bump",
    "ChangeSection",
    "Changelog",
    "ChangelogEntry",
    "ChangelogSection",
    "ChangelogStatus",
    "Commit",
    "Draft",
    "Engine",
    "Entries",
    "Entry",
    "EntryEdit",
    "InvalidTransition",
    "JobFailure",
    "JobState",
    "Provenance",
    "Revision",
    "UnknownEntries",
    "allowed_transitions",
]
