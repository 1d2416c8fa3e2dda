"""Editing the entries of a changelog: they are reworded and moved, never lost.

Law: whatever is edited, the same ids are there before and after, each in exactly one of sections, reverted,
needs_review.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from aiops_changelog.domain.entries import ChangelogEntry, ChangelogSection, ChangeSection

_ID_LENGTH = 12


@dataclass(frozen=True, slots=True)
class EntryEdit:
    """What to change of the entry with this id; what is None stays, an empty ``scope`` is taken away."""

    entry_id: str
    text: str | None = None
    scope: str | None = None
    section: ChangeSection | None = None


class UnknownEntries(Exception):
    """No entry has the ids in ``unknown``."""

    def __init__(self, unknown: Sequence[str]) -> None:
        self.unknown = tuple(unknown)
        super().__init__(f"no entry has the id {', '.join(self.unknown[:3])}; read the changelog again")


@dataclass(frozen=True, slots=True)
class Entries:
    """All entries of a changelog, by the place where they stand."""

    sections: tuple[ChangelogSection, ...] = ()
    reverted: tuple[ChangelogEntry, ...] = ()
    needs_review: tuple[ChangelogEntry, ...] = ()

    def all(self) -> Iterator[ChangelogEntry]:
        """Every entry, in the order in which they are shown."""
        for part in self.sections:
            yield from part.entries
        yield from self.needs_review
        yield from self.reverted

    def identified(self) -> "Entries":
        """These entries, each with an id; one that has none gets it from its commits, or its text where it has none."""
        taken = {entry.id for entry in self.all() if entry.id}

        def named(entries: tuple[ChangelogEntry, ...]) -> tuple[ChangelogEntry, ...]:
            return tuple(entry if entry.id else replace(entry, id=_new_id(entry, taken)) for entry in entries)

        sections = tuple(ChangelogSection(part.section, named(part.entries)) for part in self.sections)
        needs_review = named(self.needs_review)
        return Entries(sections, named(self.reverted), needs_review)

    def edited(self, edits: Sequence[EntryEdit]) -> "Entries":
        """These entries with all of ``edits`` made, in their order; what moves goes behind what is there.

        Raises UnknownEntries where an edit is of none of them.
        """
        wanted = _merged(edits)
        known = {entry.id for entry in self.all()}
        if unknown := [entry_id for entry_id in wanted if entry_id not in known]:
            raise UnknownEntries(unknown)
        moved: dict[str, ChangelogEntry] = {}

        def staying(entries: tuple[ChangelogEntry, ...], place: ChangeSection | None) -> list[ChangelogEntry]:
            stay = []
            for entry in entries:
                edit = wanted.get(entry.id)
                after = entry if edit is None else _changed(entry, edit, place)
                if edit is not None and edit.section not in (None, place):
                    moved[entry.id] = after
                else:
                    stay.append(after)
            return stay

        by_section = {section: list[ChangelogEntry]() for section in ChangeSection}
        for part in self.sections:
            by_section[part.section] += staying(part.entries, part.section)
        reverted, needs_review = staying(self.reverted, None), staying(self.needs_review, None)
        for entry_id, edit in wanted.items():
            if entry_id in moved and edit.section is not None:
                by_section[edit.section].append(moved[entry_id])
        sections = tuple(ChangelogSection(name, tuple(entries)) for name, entries in by_section.items() if entries)
        return Entries(sections, tuple(reverted), tuple(needs_review))


def _merged(edits: Sequence[EntryEdit]) -> dict[str, EntryEdit]:
    """One edit for each entry: of several, the last one that says something of a field decides about it."""
    merged: dict[str, EntryEdit] = {}
    for edit in edits:
        before = merged.get(edit.entry_id, edit)
        merged[edit.entry_id] = EntryEdit(
            edit.entry_id,
            before.text if edit.text is None else edit.text,
            before.scope if edit.scope is None else edit.scope,
            before.section if edit.section is None else edit.section,
        )
    return merged


def _changed(entry: ChangelogEntry, edit: EntryEdit, place: ChangeSection | None) -> ChangelogEntry:
    if edit.text is not None:
        entry = replace(entry, text=edit.text)
    if edit.scope is not None:
        entry = replace(entry, scope=edit.scope or None)
    if edit.section is None or edit.section is place:
        return entry
    # What a person puts into a section is no guess any more, and what leaves the breaking changes breaks nothing.
    breaking = edit.section is ChangeSection.BREAKING or (entry.breaking and place is not ChangeSection.BREAKING)
    return replace(entry, breaking=breaking, inferred=False, bump=None)


def _new_id(entry: ChangelogEntry, taken: set[str]) -> str:
    content = "\0".join(entry.commits) or f"{entry.scope}\0{entry.text}"
    repeated = 0
    while True:
        digest = hashlib.sha256(f"{content}\0{repeated}".encode(errors="replace")).hexdigest()[:_ID_LENGTH]
        if digest not in taken:
            taken.add(digest)
            return digest
        repeated += 1
