"""Release notes in a few sentences, every number of which is counted from the draft."""

from collections.abc import Sequence

from aiops_changelog.domain import Bump, ChangelogEntry, ChangelogSection
from aiops_changelog.domain import ChangeSection as Section

_NOUNS = {
    Section.BREAKING: ("breaking change", "breaking changes"),
    Section.ADDED: ("addition", "additions"),
    Section.CHANGED: ("change", "changes"),
    Section.DEPRECATED: ("deprecation", "deprecations"),
    Section.REMOVED: ("removal", "removals"),
    Section.FIXED: ("fix", "fixes"),
    Section.SECURITY: ("security fix", "security fixes"),
    Section.INTERNAL: ("internal change", "internal changes"),
}
_HIGHLIGHTED = (Section.SECURITY, Section.ADDED, Section.FIXED, Section.CHANGED)
_MOST_NAMED = 3
_LONGEST_NAME = 120


def write(
    project: str,
    release: str | None,
    *,
    shown: Sequence[ChangelogSection],
    needs_review: Sequence[ChangelogEntry],
    reverted: Sequence[ChangelogEntry],
    bump: Bump,
    bump_reason: str,
) -> str:
    """The notes as one paragraph of plain text."""
    by_section = {part.section: part.entries for part in shown}
    name = f"{project} {release}" if release else f"The next release of {project}"
    counts = [_counted(len(entries), *_NOUNS[section]) for section, entries in by_section.items()]
    sentences = [f"{name} brings {_joined(counts)}." if counts else f"{name} brings no changes."]
    if breaking := by_section.get(Section.BREAKING):
        sentences.append(f"Breaking: {_named(breaking)}.")
    highlighted = next((by_section[section] for section in _HIGHLIGHTED if section in by_section), None)
    if highlighted:
        sentences.append(f"Highlights: {_named(highlighted)}.")
    if bump is not Bump.NONE:
        sentences.append(f"The changes ask for a {bump.value.lower()} release: {bump_reason}.")
    if needs_review:
        sentences.append(f"{_counted(len(needs_review), 'entry needs', 'entries need')} review.")
    if reverted:
        sentences.append(f"{_counted(len(reverted), 'commit was', 'commits were')} reverted before the release.")
    return " ".join(sentences)


def _named(entries: Sequence[ChangelogEntry]) -> str:
    texts = [entry.text.rstrip(".") for entry in entries[:_MOST_NAMED]]
    texts = [text if len(text) <= _LONGEST_NAME else text[:_LONGEST_NAME].rstrip() + "…" for text in texts]
    rest = len(entries) - len(texts)
    return "; ".join(texts) + (f"; and {rest} more" if rest else "")


def _counted(number: int, singular: str, plural: str) -> str:
    return f"{number} {singular if number == 1 else plural}"


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
