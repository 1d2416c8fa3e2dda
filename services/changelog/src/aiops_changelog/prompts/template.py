"""The question: the entries of a draft, numbered, ranked and within a budget, in a versioned template."""

import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from string import Template
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from aiops_changelog.domain import ChangelogEntry, Draft
from aiops_changelog.domain import ChangeSection as Section
from aiops_common.llm import Prompt

NAME = "notes"
VERSION = "v1"
"""Names prompts/notes/v1.md. A template is never edited once it was used: a change is a new file and version."""

_BUDGET = 24_000
_MOST_ENTRIES = 200
_SEPARATOR = "---user---\n"


class NotesSentence(BaseModel):
    """One sentence of the notes and the ids of the entries that it is based on."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=400)]
    entries: Annotated[list[str], Field(min_length=1, max_length=50)]


class NotesAnswer(BaseModel):
    """What the model is to answer with."""

    model_config = ConfigDict(extra="forbid")

    sentences: Annotated[list[NotesSentence], Field(min_length=1, max_length=6)]


def build_prompt(project: str, draft: Draft) -> Prompt:
    """The prompt for the release notes of ``draft``; names of people are not part of it."""
    shown = citable(draft)
    lines = [_line(identity, section, entry) for identity, (section, entry) in shown.items()]
    omitted = sum(len(part.entries) for part in draft.sections) - len(shown)
    system, user = _template()
    return Prompt(
        name=NAME,
        version=f"{NAME}/{VERSION}",
        system=system.strip(),
        user=user.substitute(
            project=_harmless(project),
            release=_harmless(draft.release or "not named yet"),
            omitted=f"{omitted} further entries of lower rank are not shown." if omitted else "",
            entries="\n".join(lines),
        ).strip(),
    )


def citable(draft: Draft) -> dict[str, tuple[Section, ChangelogEntry]]:
    """Id → section and entry of all entries that the prompt shows, highest rank first: the order of the sections."""
    shown = {}
    spent = 0
    for number, (section, entry) in enumerate(_ranked(draft), start=1):
        identity = f"e{number}"
        spent += len(_line(identity, section, entry)) + 1
        if number > _MOST_ENTRIES or spent > _BUDGET:
            break
        shown[identity] = (section, entry)
    return shown


def _ranked(draft: Draft) -> Iterator[tuple[Section, ChangelogEntry]]:
    for part in draft.sections:
        for entry in part.entries:
            yield part.section, entry


def _line(identity: str, section: Section, entry: ChangelogEntry) -> str:
    values: dict[str, object] = {"id": identity, "section": section.value, "scope": entry.scope, "text": entry.text}
    values |= {"references": list(entry.references) or None, "breaking": entry.breaking or None}
    return _harmless(json.dumps({name: value for name, value in values.items() if value}, ensure_ascii=False))


def _harmless(text: str) -> str:
    """``text`` on one line and without an angle bracket that could close the delimiter."""
    return " ".join(text.split()).replace("<", "\\u003c")


@cache
def _template() -> tuple[str, Template]:
    text = resources.files(__package__).joinpath(NAME, f"{VERSION}.md").read_text(encoding="utf-8")
    system, _, user = text.partition(_SEPARATOR)
    return system, Template(user)
