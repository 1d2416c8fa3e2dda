"""From the facts of one change to its place in the changelog."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from aiops_changelog.domain import Bump, ChangelogEntry, Commit
from aiops_changelog.domain import ChangeSection as Section
from aiops_changelog.engine import inference, merges, references, reverts, sections
from aiops_changelog.engine.message import HEADER, Message, subject_key

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

# Python 3.11 takes thirty times as long to read them off their enumerations.
_NO_BUMP, _INTERNAL = Bump.NONE, Section.INTERNAL


class Classified(NamedTuple):
    """An entry and its section; None where a person has to look. What it asks for is the entry's ``bump``."""

    section: Section | None
    entry: ChangelogEntry

    @property
    def bump(self) -> Bump:
        """What the change asks for."""
        return self.entry.bump or Bump.NONE


@dataclass(slots=True)
class Change:
    """One commit of the input: its id, its message as written, and the message that says what it changes.

    ``hash`` is None where the id is synthetic; ``said`` is None for a merge that brings nothing of its own.
    ``entry_id`` is the id of an entry that begins with this commit, ``revert`` what ``written`` says it reverts.
    """

    id: str
    entry_id: str
    hash: str | None
    commit: Commit
    written: Message
    said: Message | None
    is_merge: bool
    revert: reverts.Revert | None


def strongest(bumps: Collection[Bump]) -> Bump:
    """The highest of several bumps, NONE without any."""
    return max(bumps, key=_BUMPS.index, default=Bump.NONE)


def is_final(change: Change) -> bool:
    """Whether ``classify`` needs not know the other subjects: only a merge that lists commits does."""
    return not change.is_merge or change.said is None or not change.said.rest


def classify(change: Change, known_subjects: Collection[str] = ()) -> Classified:
    """Section, bump and entry of one change; ``known_subjects`` are the keys of all subjects of the release."""
    if change.said is None:
        return _entry(change, change.written, Section.INTERNAL, _NO_BUMP, inferred=True)
    message = change.said
    parts = merges.squashed(message) if "*" in message.rest or "-" in message.rest else []
    if parts and change.is_merge:
        parts = [part for part in parts if subject_key(part.subject) not in known_subjects]
    return _squashed(change, message, parts) if parts else _single(change, message)


def _single(change: Change, message: Message) -> Classified:
    if message.breaking:
        return _entry(change, message, Section.BREAKING, Bump.MAJOR, inferred=message.type is None)
    revert = change.revert if message is change.written else reverts.stated(message)
    if revert and revert.pure:
        section = _of_reverted(revert.subject)
        return _entry(change, message, section, _revert_bump(section), inferred=message.type != "revert")
    if message.type:
        stated = sections.of_type(message.type, message.scope, message.description)
        if stated:
            return _entry(change, message, *stated, inferred=False)
    if message.marker:
        return _entry(change, message, message.marker, sections.SECTION_BUMPS[message.marker], inferred=True)
    subject = f"{message.type}: {message.description}" if message.type else message.description
    section, confidence = inference.infer(subject, change.commit.paths)
    if "CVE-" in message.subject and section is not _INTERNAL:
        section, confidence = Section.SECURITY, inference.ENOUGH
    inferred = section if confidence >= inference.ENOUGH else None
    # An additional type has no effect on the version (Conventional Commits 1.0.0); a free-form subject has no type.
    bump = sections.SECTION_BUMPS[inferred] if inferred and not message.type else _NO_BUMP
    return _entry(change, message, inferred, bump, inferred=True)


def _squashed(change: Change, message: Message, parts: Sequence[Message]) -> Classified:
    """A squash: its own header decides the section, else the strongest line; any line may raise the bump."""
    section, entry = _single(change, message)
    lines = [_single(change, part) for part in parts]
    breaking = next((part for part in parts if part.breaking), None)
    own = (entry.bump or _NO_BUMP) if message.type else _NO_BUMP
    bump = strongest([own, *(line.bump for line in lines)])
    if breaking and not message.breaking:
        text = _with_note(entry.text, breaking.note or breaking.description)
        return Classified(Section.BREAKING, replace(entry, text=text, breaking=True, bump=bump))
    if message.type in sections.TYPES or message.breaking:
        return Classified(section, replace(entry, bump=bump))
    found = [line.section for line in lines if line.section]
    section = min(found, key=_PRECEDENCE.index) if found else section
    more = [f"{len(parts) - _MOST_SQUASHED} more"] if len(parts) > _MOST_SQUASHED else []
    listed = "; ".join([part.description for part in parts[:_MOST_SQUASHED]] + more)
    return Classified(section, replace(entry, text=_with_note(entry.text, listed), bump=bump))


def _entry(change: Change, message: Message, section: Section | None, bump: Bump, *, inferred: bool) -> Classified:
    text = message.description or message.subject or "(no message)"
    if message.note or len(text) > _LONGEST_TEXT:
        text = _with_note(text, message.note or "")
    entry = ChangelogEntry(
        text,
        message.scope,
        message.type,
        message.breaking,
        (change.id,),
        message.references,
        _authors(change.commit.author, message),
        inferred,
        change.entry_id,
        bump,
    )
    return Classified(section, entry)


def _authors(author: str | None, message: Message) -> tuple[str, ...]:
    """The author and the co-authors, each once, without addresses."""
    own = (_name(author),) if author else ()
    if "uthored-" not in message.rest:
        return own
    named = [_name(footer.value) for footer in message.footers if footer.token.lower() == "co-authored-by"]
    return tuple(dict.fromkeys((*own, *named)))


@lru_cache(maxsize=4096)
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
    plain = references.split_request(subject or "")[0]
    header = HEADER.fullmatch(plain)
    known = sections.TYPES.get(header[1].lower()) if header else None
    section = known[0] if known else inference.infer(plain).section
    if section is Section.INTERNAL:
        return section
    return Section.REMOVED if section is Section.ADDED else Section.CHANGED


def _revert_bump(section: Section) -> Bump:
    # The specification leaves reverts to tools: what users see again differently is at least a patch.
    return _NO_BUMP if section is Section.INTERNAL else Bump.PATCH
