"""Editing entries: whatever is asked for, the same entries are there before and after, each in exactly one place."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_changelog.domain import ChangelogEntry, ChangelogSection, ChangeSection, Entries, EntryEdit, UnknownEntries

TEXTS = st.sampled_from(["add x", "fix y", "drop z"])
MAYBE = st.sampled_from([("9f2c4e1",), ("0a1b2c3",), ()])
ENTRY = st.builds(ChangelogEntry, text=TEXTS, commits=MAYBE, breaking=st.booleans(), inferred=st.booleans())
SOME = st.lists(ENTRY, max_size=4).map(tuple)
SECTIONS = st.lists(st.sampled_from(ChangeSection), unique=True, max_size=4).flatmap(
    lambda names: st.tuples(*(st.builds(ChangelogSection, st.just(name), SOME) for name in sorted(names)))
)
ENTRIES = st.builds(Entries, SECTIONS, SOME, SOME).map(Entries.identified)
CHANGES = st.tuples(
    st.integers(0, 20),
    st.none() | st.just("said better"),
    st.none() | st.sampled_from(["", "cart"]),
    st.none() | st.sampled_from(ChangeSection),
)


def ids(entries: Entries) -> Counter[str]:
    return Counter(entry.id for entry in entries.all())


def edits_of(
    entries: Entries, changes: list[tuple[int, str | None, str | None, ChangeSection | None]]
) -> list[EntryEdit]:
    known = [entry.id for entry in entries.all()]
    return [EntryEdit(known[place % len(known)], text, scope, to) for place, text, scope, to in changes if known]


@given(entries=ENTRIES, changes=st.lists(CHANGES, max_size=8))
def test_no_edit_loses_or_doubles_an_entry(
    entries: Entries, changes: list[tuple[int, str | None, str | None, ChangeSection | None]]
) -> None:
    edited = entries.edited(edits_of(entries, changes))
    assert ids(edited) == ids(entries)
    assert set(ids(edited).values()) <= {1}
    assert sorted(entry.commits for entry in edited.all()) == sorted(entry.commits for entry in entries.all())
    assert all(part.entries for part in edited.sections if part.section not in {p.section for p in entries.sections})


@given(entries=ENTRIES, changes=st.lists(CHANGES, max_size=8))
def test_the_last_word_on_an_entry_counts(
    entries: Entries, changes: list[tuple[int, str | None, str | None, ChangeSection | None]]
) -> None:
    edits = edits_of(entries, changes)
    edited = entries.edited(edits)
    placed = {entry.id: part.section for part in edited.sections for entry in part.entries}
    texts = {entry.id: entry.text for entry in edited.all()}
    for edit in {edit.entry_id: edit for edit in edits if edit.section}.values():
        assert placed[edit.entry_id] is edit.section
    for edit in {edit.entry_id: edit for edit in edits if edit.text}.values():
        assert texts[edit.entry_id] == edit.text


@given(entries=st.builds(Entries, SECTIONS, SOME, SOME))
def test_ids_are_the_same_each_time_and_outlive_every_edit(entries: Entries) -> None:
    named = entries.identified()
    assert named == entries.identified() == named.identified()
    assert all(entry.id for entry in named.all())
    reworded = named.edited([EntryEdit(entry.id, text="other") for entry in named.all()])
    assert ids(reworded.identified()) == ids(named)


def two() -> Entries:
    added = ChangelogEntry("add x", scope="api", breaking=False, id="a", inferred=True)
    breaking = ChangelogEntry("drop y", breaking=True, id="b")
    guess = ChangelogEntry("who knows", id="c")
    gone = ChangelogEntry("try z", id="d")
    return Entries(
        (ChangelogSection(ChangeSection.BREAKING, (breaking,)), ChangelogSection(ChangeSection.ADDED, (added,))),
        (gone,),
        (guess,),
    )


def test_an_entry_moves_behind_those_that_are_there_and_an_empty_section_goes() -> None:
    edited = two().edited([EntryEdit("c", section=ChangeSection.ADDED), EntryEdit("b", section=ChangeSection.ADDED)])
    assert [(part.section, [entry.id for entry in part.entries]) for part in edited.sections] == [
        (ChangeSection.ADDED, ["a", "c", "b"])
    ]
    assert edited.needs_review == ()


def test_what_was_reverted_can_be_taken_back() -> None:
    edited = two().edited([EntryEdit("d", section=ChangeSection.FIXED)])
    assert edited.reverted == ()
    assert edited.sections[-1] == ChangelogSection(ChangeSection.FIXED, (ChangelogEntry("try z", id="d"),))


def test_breaking_follows_the_section() -> None:
    edited = two().edited([EntryEdit("a", section=ChangeSection.BREAKING), EntryEdit("b", section=ChangeSection.FIXED)])
    assert {entry.id: entry.breaking for entry in edited.all()} == {"a": True, "b": False, "c": False, "d": False}


def test_what_breaks_in_another_section_goes_on_breaking_there() -> None:
    entries = Entries((ChangelogSection(ChangeSection.FIXED, (ChangelogEntry("x", breaking=True, id="a"),)),))
    moved = entries.edited([EntryEdit("a", section=ChangeSection.CHANGED)])
    assert [entry.breaking for entry in moved.all()] == [True]


def test_what_a_person_placed_is_no_guess() -> None:
    moved = two().edited([EntryEdit("a", section=ChangeSection.FIXED)])
    assert not next(entry for entry in moved.all() if entry.id == "a").inferred
    stayed = two().edited([EntryEdit("a", section=ChangeSection.ADDED)])
    assert stayed == two()


def test_an_empty_scope_is_taken_away() -> None:
    assert next(e for e in two().edited([EntryEdit("a", scope="")]).all() if e.id == "a").scope is None
    assert next(e for e in two().edited([EntryEdit("a", scope="ui")]).all() if e.id == "a").scope == "ui"


def test_an_unknown_id_is_told_and_nothing_is_done() -> None:
    with pytest.raises(UnknownEntries, match="x, y") as refused:
        two().edited([EntryEdit("a", text="t"), EntryEdit("x"), EntryEdit("y")])
    assert refused.value.unknown == ("x", "y")


def test_ten_thousand_edits_take_time_in_proportion() -> None:
    entries = tuple(ChangelogEntry(f"entry {number}", id=str(number)) for number in range(10_000))
    whole = Entries((ChangelogSection(ChangeSection.ADDED, entries),))
    edited = whole.edited([EntryEdit(entry.id, section=ChangeSection.FIXED) for entry in entries])
    assert edited.sections[0] == ChangelogSection(ChangeSection.FIXED, tuple(replace(e) for e in entries))
