"""Drafted, edited, approved, published: what may follow on what, and what an edit makes of the rest."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_changelog.domain import (
    AlreadyReviewed,
    Bump,
    Changelog,
    ChangelogStatus,
    ChangeSection,
    Engine,
    EntryEdit,
    InvalidTransition,
    JobState,
    Provenance,
    Revision,
)
from aiops_changelog.engine import redraft

from .drafting import DAY, draft_of

NOW = datetime(2025, 3, 4, tzinfo=UTC)
ADA = UUID(int=1)
DRAFT, APPROVED, PUBLISHED = ChangelogStatus


def generated(*messages: str, previous: str | None = "1.2.3", release: str | None = None) -> Changelog:
    received = Changelog(UUID(int=7), 0, JobState.PENDING, "Demo", NOW, NOW, release, previous)
    draft = draft_of(*messages, previous=previous, release=release)
    return received.succeeded(draft, Provenance(Engine.BUILTIN, 1), NOW)


def edited(before: Changelog, *edits: EntryEdit, release: str | None = None, summary: str | None = None) -> Changelog:
    kept = None if before.is_release_derived else before.release
    revision = Revision(before.project, before.previous_release, before.entries.edited(edits), release or kept, summary)
    return before.edited(revision, redraft(revision, released_on=DAY), NOW)


def first(changelog: Changelog, text: str) -> str:
    return next(entry.id for entry in changelog.entries.all() if entry.text == text)


@pytest.mark.parametrize("start", ChangelogStatus)
@pytest.mark.parametrize("to", ChangelogStatus)
def test_a_draft_is_approved_and_published_and_only_what_is_approved_is_taken_back(
    start: ChangelogStatus, to: ChangelogStatus
) -> None:
    changelog = replace(generated("feat: x"), status=start)
    if (start, to) in {(DRAFT, APPROVED), (APPROVED, PUBLISHED), (APPROVED, DRAFT)}:
        assert changelog.move(to, ADA, NOW).status is to
        return
    with pytest.raises(InvalidTransition, match=f"{start} cannot become {to}"):
        changelog.move(to, ADA, NOW)


def test_it_is_known_who_approved_and_published_and_when() -> None:
    approved = generated("feat: x").move(APPROVED, ADA, NOW)
    assert (approved.version, approved.approved_by, approved.approved_at) == (2, ADA, NOW)
    published = approved.move(PUBLISHED, UUID(int=2), NOW)
    assert (published.published_by, published.approved_by) == (UUID(int=2), ADA)
    taken_back = approved.move(DRAFT, ADA, NOW)
    assert (taken_back.status, taken_back.approved_by, taken_back.approved_at) == (DRAFT, None, None)


def test_markdown_notes_and_bump_follow_the_entries() -> None:
    before = generated("feat: add x", "fix: mend y", "tidy")
    assert before.suggested_bump is Bump.MINOR
    after = edited(before, EntryEdit(first(before, "add x"), text="drop *x*", section=ChangeSection.BREAKING))
    assert (after.suggested_bump, after.release, after.version) == (Bump.MAJOR, "2.0.0", before.version + 1)
    assert after.bump_reason == "“drop *x*” (0000001)"
    assert after.markdown is not None
    assert "## [2.0.0]" in after.markdown
    assert "### Breaking\n\n- drop \\*x\\* (0000001)" in after.markdown
    assert after.summary is not None
    assert "1 breaking change" in after.summary
    assert "Breaking: drop *x*" in after.summary


def test_an_edit_of_nothing_changes_nothing() -> None:
    before = generated("feat: add x", "perf: speed y", "fix!: mend z", 'Revert "feat: old"', "squash: a", "what")
    after = edited(before)
    assert replace(after, version=before.version, is_edited=False) == before


def test_a_reworded_entry_asks_for_what_it_asked_for() -> None:
    before = generated("perf: speed y")
    assert (before.suggested_bump, before.sections[0].section) == (Bump.NONE, ChangeSection.CHANGED)
    assert edited(before, EntryEdit(first(before, "speed y"), text="twice as fast")).suggested_bump is Bump.NONE


def test_a_moved_entry_asks_for_what_its_new_section_does() -> None:
    before = generated("chore: tidy")
    entry = first(before, "tidy")
    moved = edited(before, EntryEdit(entry, section=ChangeSection.ADDED))
    assert (before.suggested_bump, moved.suggested_bump) == (Bump.NONE, Bump.MINOR)
    assert edited(moved, EntryEdit(entry, section=ChangeSection.INTERNAL)).suggested_bump is Bump.NONE


def test_nothing_breaks_while_the_major_version_is_zero() -> None:
    before = generated("fix: x", previous="0.3.1")
    after = edited(before, EntryEdit(first(before, "x"), section=ChangeSection.BREAKING))
    assert (after.suggested_bump, after.release) == (Bump.MINOR, "0.4.0")


def test_a_release_that_somebody_named_stays() -> None:
    before = generated("fix: x", release="2025.1")
    moved = edited(before, EntryEdit(first(before, "x"), section=ChangeSection.BREAKING))
    assert moved.release == "2025.1"
    renamed = edited(generated("fix: x"), release="1.2.9")
    assert edited(renamed, EntryEdit(first(renamed, "x"), section=ChangeSection.BREAKING)).release == "1.2.9"


def test_notes_that_a_person_wrote_are_shown_as_written() -> None:
    assert edited(generated("fix: x"), summary="Read me.").summary == "Read me."
    assert edited(generated("fix: x"), summary="Read me.").is_summary_written


def test_only_a_summary_that_the_engine_wrote_follows_from_the_entries() -> None:
    engines = generated("fix: x")
    models = replace(engines, provenance=Provenance(Engine.LLM, 1))
    assert (engines.has_own_summary, models.has_own_summary) == (False, True)
    assert edited(models, summary="kept").has_own_summary
    assert not edited(models).has_own_summary  # an edit that asked for the engine's


@pytest.mark.parametrize("status", ChangelogStatus)
def test_a_new_generation_never_replaces_what_a_person_had_a_hand_in(status: ChangelogStatus) -> None:
    theirs = replace(edited(generated("fix: x")), status=status)
    with pytest.raises(AlreadyReviewed, match="under a new id"):
        generated("feat: other").following(theirs)
    untouched = generated("fix: x")
    assert generated("feat: other").following(untouched).sections != untouched.sections


@given(
    messages=st.lists(st.sampled_from(["feat: a", "fix: b", "what", 'Revert "feat: a"', "chore!: c"]), max_size=8),
    moves=st.lists(st.tuples(st.integers(0, 7), st.sampled_from(ChangeSection)), max_size=6),
)
def test_every_commit_is_in_exactly_one_place_whatever_is_moved(
    messages: list[str], moves: list[tuple[int, ChangeSection]]
) -> None:
    before = generated(*messages)
    known = [entry.id for entry in before.entries.all()]
    edits = [EntryEdit(known[place], section=section) for place, section in moves if place < len(known)]
    after = edited(before, *edits)
    commits = Counter(commit for entry in after.entries.all() for commit in entry.commits)
    assert commits == Counter(commit for entry in before.entries.all() for commit in entry.commits)
    assert set(commits.values()) <= {1}
    assert after.markdown is not None
    assert after.markdown.count("\n- ") == len(known)
