"""Changelogs in the API. Sections and entries are the contract's models as they are."""

from datetime import datetime
from typing import Self, cast

import strawberry

from aiops_contracts import changelog
from aiops_contracts.changelog import ChangelogSnapshot
from aiops_gateway.domain.access import Viewer
from aiops_gateway.graphql.enums import Bump, ChangelogStatus, ChangeSection, JobState
from aiops_gateway.graphql.ids import to_global_id
from aiops_gateway.graphql.types import JobFailure, Node, Provenance


def _entry_id(root: strawberry.Parent[changelog.ChangelogEntry]) -> strawberry.ID | None:
    return strawberry.ID(root.id) if root.id else None


@strawberry.type(description="One line of a changelog.")
class ChangelogEntry:
    # Not named id: clients that keep objects by their ids would take the entries of two changelogs for one.
    entry_id: strawberry.ID | None = strawberry.field(
        resolver=_entry_id,
        description="Unique within its changelog, and the same for ever; null until the read model is rebuilt after "
        "the upgrade that brought ids.",
    )
    text: str
    scope: str | None
    type: str | None
    breaking: bool
    commits: list[str] = strawberry.field(description="Hashes.")
    references: list[str]
    authors: list[str]
    inferred: bool = strawberry.field(description="Not a conventional commit: the section was inferred.")


@strawberry.type(description="A section and its entries.")
class ChangelogSection:
    section: ChangeSection
    entries: list[ChangelogEntry]


@strawberry.type(description="A changelog: every input entry is in exactly one of sections, reverted, needsReview.")
class Changelog(Node):
    version: int = strawberry.field(description="Of this record, for optimistic locking.")
    project: str
    release: str | None
    previous_release: str | None
    suggested_bump: Bump | None
    bump_reason: str | None = strawberry.field(description="The commit that decides suggestedBump.")
    state: JobState = strawberry.field(description="How far its generation has come.")
    status: ChangelogStatus = strawberry.field(description="Where it stands between its draft and its publication.")
    approved_by: strawberry.ID | None = strawberry.field(description="A User.")
    approved_at: datetime | None
    published_by: strawberry.ID | None = strawberry.field(description="A User.")
    published_at: datetime | None
    sections: list[ChangelogSection]
    reverted: list[ChangelogEntry]
    needs_review: list[ChangelogEntry]
    markdown: str | None = strawberry.field(description="Keep a Changelog.")
    summary: str | None = strawberry.field(description="Release notes, a few sentences.")
    provenance: Provenance | None
    failure: JobFailure | None
    trace_id: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, s: ChangelogSnapshot, _viewer: Viewer) -> Self:
        """The same for every viewer."""
        return cls(
            id=to_global_id("Changelog", s.id),
            version=s.version,
            project=s.project,
            release=s.release,
            previous_release=s.previous_release,
            suggested_bump=s.suggested_bump,
            bump_reason=s.bump_reason,
            state=s.state,
            status=s.status,
            approved_by=to_global_id("User", s.approved_by) if s.approved_by else None,
            approved_at=s.approved_at,
            published_by=to_global_id("User", s.published_by) if s.published_by else None,
            published_at=s.published_at,
            sections=cast(list[ChangelogSection], s.sections),
            reverted=cast(list[ChangelogEntry], s.reverted),
            needs_review=cast(list[ChangelogEntry], s.needs_review),
            markdown=s.markdown,
            summary=s.summary,
            provenance=cast(Provenance | None, s.provenance),
            failure=cast(JobFailure | None, s.failure),
            trace_id=s.trace_id,
            created_at=s.created_at,
            updated_at=s.updated_at,
        )
