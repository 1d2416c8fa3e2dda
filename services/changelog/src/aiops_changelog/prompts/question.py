"""What is asked about a draft: the operation's steps, and the entries as the model is shown them."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from aiops_changelog.domain import ChangelogEntry, Draft
from aiops_changelog.domain import ChangeSection as Section
from aiops_changelog.prompts.answers import NotesAnswer, RewriteAnswer
from aiops_common.llm import Kind, Operation, Step, StepKind

REWRITE: Final = "rewrite"
NOTES: Final = "notes"

OPERATION: Final = Operation(
    name="changelog",
    package="aiops_changelog.prompts",
    steps={
        REWRITE: StepKind(RewriteAnswer, {"project": Kind.LINE, "material": Kind.TEXT}),
        NOTES: StepKind(
            NotesAnswer,
            {"project": Kind.LINE, "release": Kind.LINE, "omitted": Kind.WORDS, "material": Kind.TEXT},
        ),
    },
    default=(Step(step=REWRITE, template="rewrite/v1"), Step(step=NOTES, template="notes/v2")),
)

MOST_NOTED: Final = 200
"""Entries that the notes are written from, at most."""

MOST_AT_ONCE: Final = 50
"""Entries in one question about their wording, at most."""

_LONGEST_REWORDED: Final = 1000

Numbered = Mapping[str, tuple[Section, ChangelogEntry]]
"""Id in the prompt → section and entry, highest rank first: the order of the sections."""


def numbered(draft: Draft) -> Numbered:
    """All entries of the sections; an id is the entry's place in the draft, so it stays when texts are reworded."""
    ranked = ((part.section, entry) for part in draft.sections for entry in part.entries)
    return {f"e{number}": pair for number, pair in enumerate(ranked, start=1)}


def line(identity: str, section: Section, entry: ChangelogEntry) -> str:
    """An entry as the model is shown it: one line of JSON, without the names of people."""
    values: dict[str, object] = {"id": identity, "section": section.value, "scope": entry.scope, "text": entry.text}
    values |= {"references": list(entry.references) or None, "breaking": entry.breaking or None}
    told = json.dumps({name: value for name, value in values.items() if value}, ensure_ascii=False)
    return " ".join(told.split())


def fitting_entries(entries: Numbered, most_bytes: int) -> Numbered:
    """The first of ``entries`` whose lines fit into ``most_bytes``, and no more than the notes need."""
    kept: dict[str, tuple[Section, ChangelogEntry]] = {}
    spent = 0
    for identity, (section, entry) in entries.items():
        spent += len(line(identity, section, entry).encode()) + 1
        if spent > most_bytes or len(kept) == MOST_NOTED:
            break
        kept[identity] = (section, entry)
    return kept


def rewordable(entries: Numbered) -> Numbered:
    """Entries made from commits that users read of; what a person worded stays as that person worded it."""
    return {
        identity: (section, entry)
        for identity, (section, entry) in entries.items()
        if entry.commits and section is not Section.INTERNAL and len(entry.text) <= _LONGEST_REWORDED
    }


def chunks(entries: Numbered, most_bytes: int) -> Iterator[Numbered]:
    """``entries`` in their order, in parts whose lines fit into ``most_bytes`` each; one that does not is left out."""
    part: dict[str, tuple[Section, ChangelogEntry]] = {}
    spent = 0
    for identity, (section, entry) in entries.items():
        size = len(line(identity, section, entry).encode()) + 1
        if size > most_bytes:
            continue
        if part and (spent + size > most_bytes or len(part) == MOST_AT_ONCE):
            yield part
            part, spent = {}, 0
        part[identity] = (section, entry)
        spent += size
    if part:
        yield part


def material(entries: Numbered) -> str:
    """The lines of ``entries``."""
    return "\n".join(line(identity, section, entry) for identity, (section, entry) in entries.items())


def names(draft: Draft, *, omitted: int = 0) -> dict[str, str]:
    """The values of the notes' template beside the material."""
    told = f" {omitted} further entries of lower rank are not shown." if omitted else ""
    return {"release": draft.release or "not named yet", "omitted": told}
