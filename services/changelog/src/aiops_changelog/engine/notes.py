"""A draft as release notes: plain text for an announcement, without hashes and names."""

from collections.abc import Iterator
from datetime import date

from aiops_changelog.domain import ChangelogEntry, Draft
from aiops_changelog.domain import ChangeSection as Section
from aiops_changelog.engine import sections

_MOST_SHOWN = 50


def write(draft: Draft, *, project: str, released_on: date) -> str:
    """Title, summary, and what users notice by section; what is internal is in the summary's counts only."""
    title = f"{project} {draft.release} ({released_on.isoformat()})" if draft.release else f"{project}, next release"
    parts = [" ".join(title.split()), draft.summary]
    shown = (part for part in draft.sections if part.section is not Section.INTERNAL)
    parts += ["\n".join(_lines(sections.HEADINGS[part.section], part.entries)) for part in shown]
    return "\n\n".join(parts) + "\n"


def _lines(heading: str, entries: tuple[ChangelogEntry, ...]) -> Iterator[str]:
    yield f"{heading}:"
    for entry in entries[:_MOST_SHOWN]:
        label = f"{entry.scope}: " if entry.scope else ""
        references = f" ({', '.join(entry.references)})" if entry.references else ""
        yield " ".join(f"- {label}{entry.text}{references}".split())
    if len(entries) > _MOST_SHOWN:
        yield f"- and {len(entries) - _MOST_SHOWN:,} more"
