"""From the facts of one change to its place in the changelog."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from aiops_changelog.domain import Bump, ChangelogEntry, Commit
from aiops_changelog.domain import ChangeSection as Section
from aiops_changelog.engine import inference, merges, references, reverts, sections
from aiops_changelog.engine.message import HEADER, Message

_LONGEST_TEXT = 500
_MOST_SQUASHED = 5
_BUMPS = (Bump.NONE, Bump.PATCH, Bump.MINOR, Bump.MAJOR)
_PRECEDENCE = (
    Section.BREAKING,
    Section.SECURITY,
    Section.ADDED,
    Section.FIXED,
    Section.CHANGED,
    Section.REMOVED,
    Section.DEPRECATED,
    Section.INTERNAL,
)


@dataclass(slots=True)
class Classified:
    """Section None: a person has to look."""

    section: Section | None
    bump: Bump
    entry: ChangelogEntry


@dataclass(slots=True)
class Change:
    """One commit of the input: its id, its message as written, and the message that says what it changes.

    ``hash`` is None where the id is synthetic; ``said`` is None for a merge that brings nothing of its own.
    """

    id: str
    hash: str | None
    commit: Commit
    written: Message
    said: Message | None


def strongest(bumps: Collection[Bump]) -> Bump:
    """The highest of several bumps, NONE without any."""
    return max(bumps, key=_BUMPS.index, default=Bump.NONE)


def classify(change: Change, known_subjects: Collection[str]) -> Classified:
    """Section, bump and entry of one change; ``known_subjects`` are the keys of all subjects of the release."""
    if change.said is None:
        return _entry(change, change.written, Section.INTERNAL, Bump.NONE, inferred=True)
    message = change.said
    parts = merges.squashed(message) if message.rest else []
    if parts and merges.is_merge(change.written.subject):
        parts = [part for part in parts if reverts.subject_key(part.subject) not in known_subjects]
    return _squashed(change, message, parts) if parts else _single(change, message)


def _single(change: Change, message: Message) -> Classified:
    if message.breaking:
        return _entry(change, message, Section.BREAKING, Bump.MAJOR, inferred=message.type is None)
    revert = reverts.stated(message)
    if revert and revert.pure:
        section = _of_reverted(revert.subject)
        return _entry(change, message, section, _revert_bump(section), inferred=message.type != "revert")
    if message.type:
        stated = sections.of_type(message.type, message.scope, message.description)
        if stated:
            return _entry(change, message, *stated, inferred=False)
    if message.marker:
        return _entry(change, message, message.marker, sections.SECTION_BUMPS[message.marker], inferred=True)
    guess = inference.infer(message.description, change.commit.paths)
    inferred = guess.section if guess.confidence >= inference.ENOUGH else None
    # An additional type has no effect on the version (Conventional Commits 1.0.0); a free-form subject has no type.
    bump = sections.SECTION_BUMPS[inferred] if inferred and not message.type else Bump.NONE
    return _entry(change, message, inferred, bump, inferred=True)


def _squashed(change: Change, message: Message, parts: Sequence[Message]) -> Classified:
    """A squash: its own header decides the section, else the strongest line; any line may raise the bump."""
    whole = _single(change, message)
    lines = [_single(change, part) for part in parts]
    breaking = next((part for part in parts if part.breaking), None)
    bump = strongest([whole.bump if message.type else Bump.NONE, *(line.bump for line in lines)])
    section, entry = whole.section, whole.entry
    if breaking and not message.breaking:
        note = breaking.note or breaking.description
        entry = replace(entry, text=_with_note(entry.text, note), breaking=True)
        return Classified(Section.BREAKING, bump, entry)
    if message.type in sections.TYPES or message.breaking:
        return Classified(section, bump, entry)
    found = [line.section for line in lines if line.section]
    section = min(found, key=_PRECEDENCE.index) if found else section
    more = [f"{len(parts) - _MOST_SQUASHED} more"] if len(parts) > _MOST_SQUASHED else []
    listed = "; ".join([part.description for part in parts[:_MOST_SQUASHED]] + more)
    return Classified(section, bump, replace(entry, text=_with_note(entry.text, listed)))


def _entry(change: Change, message: Message, section: Section | None, bump: Bump, *, inferred: bool) -> Classified:
    text = message.description or message.subject or "(no message)"
    if message.note:
        text = _with_note(text, message.note)
    authors = dict.fromkeys(_name(author) for author in _authors(change.commit, message))
    entry = ChangelogEntry(
        text=shortened(text),
        scope=message.scope,
        type=message.type,
        breaking=message.breaking,
        commits=(change.id,),
        references=message.references,
        authors=tuple(authors),
        inferred=inferred,
    )
    return Classified(section, bump, entry)


def _authors(commit: Commit, message: Message) -> list[str]:
    named = [footer.value for footer in message.footers if footer.token.lower() == "co-authored-by"]
    return [commit.author, *named] if commit.author else named


def _name(author: str) -> str:
    """The name without its e-mail address, where there is a name."""
    name = author.split("\n", 1)[0].partition("<")[0].strip()
    return name or author.strip("<> \n")


def _with_note(text: str, note: str) -> str:
    first = " ".join(note.split("\n\n", 1)[0].split())
    return shortened(text) if not first or first == text else f"{shortened(text)} — {shortened(first)}"


def shortened(text: str) -> str:
    """``text`` cut to the length of an entry; the commit's hash leads to the rest."""
    return text if len(text) <= 2 * _LONGEST_TEXT else text[:_LONGEST_TEXT].rstrip() + "…"


def _of_reverted(subject: str | None) -> Section:
    """Section of a revert of something released: a feature is removed, anything else users see is changed."""
    plain = references.PULL_REQUEST.sub("", subject or "").rstrip()
    header = HEADER.fullmatch(plain)
    known = sections.TYPES.get(header[1].lower()) if header else None
    section = known[0] if known else inference.infer(plain).section
    if section is Section.INTERNAL:
        return section
    return Section.REMOVED if section is Section.ADDED else Section.CHANGED


def _revert_bump(section: Section) -> Bump:
    # The specification leaves reverts to tools: what users see again differently is at least a patch.
    return Bump.NONE if section is Section.INTERNAL else Bump.PATCH
