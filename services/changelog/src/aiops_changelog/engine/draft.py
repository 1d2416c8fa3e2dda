"""Commits or ready entries → draft. Law: every commit is in exactly one of sections, reverted, needs_review."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import islice

from aiops_changelog.domain import Bump, ChangelogEntry, ChangelogSection, Commit, Draft, Entry, Revision
from aiops_changelog.domain import ChangeSection as Section
from aiops_changelog.engine import classification, duplicates, markdown, reverts, sections, summary, versions
from aiops_changelog.engine.changes import SYNTHETIC, changes, entry_id_of
from aiops_changelog.engine.classification import Change, Classified, classify

_LONGEST_REASON = 100
_READ = Commit("")
_BATCH = 1000
"""Commits that are parsed before they are classified: doing one thing at a time is a third faster than by turns."""


def generate(
    commits: Iterable[Commit],
    *,
    project: str,
    release: str | None,
    previous_release: str | None,
    released_on: date,
    patch_ids: Mapping[str, str] | None = None,
) -> Draft:
    """Draft of the changes that ``commits`` brought, entries in the order of the input.

    Duplicates share an entry that lists all their commits; one commit given twice counts once. A commit without a
    hash, and one whose hash another message already has, is listed under a stable id from its content (``unhashed-…``).
    ``commits`` may be a stream: it is worked on as it comes.
    """
    known: list[Change] = []
    placed: list[Classified | None] = []
    stream = changes(commits)
    while batch := list(islice(stream, _BATCH)):
        known += batch
        placed += [classify(change) if classification.is_final(change) else None for change in batch]
        _let_go(batch)
    found, reverted = _settled(known, _completed(known, placed), patch_ids, project)
    return _draft(
        found, reverted, project=project, release=release, previous_release=previous_release, released_on=released_on
    )


def _let_go(batch: Sequence[Change]) -> None:
    """Forget the texts that were read to the end: memory that is used again is still in the processor's cache."""
    for change in batch:
        if classification.is_final(change):
            change.commit = _READ
            change.written.rest = ""
            if change.said:
                change.said.rest = ""


def generate_from_entries(
    entries: Sequence[Entry],
    *,
    project: str,
    release: str | None,
    previous_release: str | None,
    released_on: date,
) -> Draft:
    """Draft of entries that somebody wrote: their sections and words are kept, nothing is parsed or merged."""
    found = []
    ids: set[str] = set()
    for entry in entries:
        breaking = entry.breaking or entry.section is Section.BREAKING
        kept = ChangelogEntry(
            text=entry.text,
            scope=entry.scope,
            breaking=breaking,
            references=entry.references,
            authors=entry.authors,
            id=entry_id_of(f"{entry.section}\0{entry.scope}\0{entry.text}", ids),
            bump=Bump.MAJOR if breaking else sections.SECTION_BUMPS[entry.section],
        )
        found.append(Classified(entry.section, kept))
    return _draft(
        found, [], project=project, release=release, previous_release=previous_release, released_on=released_on
    )


def redraft(revision: Revision, *, released_on: date) -> Draft:
    """Draft of entries that were drafted before and edited since: they stay where they are, in their order.

    An entry asks for what it asked for before; one that was moved, for what its type or else its new section does.
    """
    entries = revision.entries
    found = [
        Classified(part.section, replace(entry, bump=_asked(entry, part.section)))
        for part in entries.sections
        for entry in part.entries
    ]
    found += [Classified(None, replace(entry, bump=entry.bump or Bump.NONE)) for entry in entries.needs_review]
    draft = _draft(
        found,
        entries.reverted,
        project=revision.project,
        release=revision.release,
        previous_release=revision.previous_release,
        released_on=released_on,
    )
    return draft if revision.summary is None else replace(draft, summary=revision.summary)


def _asked(entry: ChangelogEntry, section: Section) -> Bump:
    if entry.bump is not None:
        return entry.bump
    if entry.breaking:
        return Bump.MAJOR
    stated = sections.TYPES.get(entry.type or "")
    return stated[1] if stated and stated[0] is section else sections.SECTION_BUMPS[section]


def _completed(known: Sequence[Change], placed: Sequence[Classified | None]) -> list[Classified]:
    """Every change classified, now that all subjects are known."""
    if all(placed):
        subjects: set[str] = set()
    else:
        subjects = {change.written.key for change in known}
    return [one or classify(change, subjects) for change, one in zip(known, placed, strict=True)]


def _settled(
    known: Sequence[Change], placed: Sequence[Classified], patch_ids: Mapping[str, str] | None, project: str
) -> tuple[list[Classified], list[ChangelogEntry]]:
    """What stands, duplicates as one, and what was reverted."""
    stated = {i: change.revert for i, change in enumerate(known) if change.revert}
    written, hashes_of_all = [change.written for change in known], [change.hash for change in known]
    cancelled = reverts.resolve(written, hashes_of_all, stated, project=project)
    standing = [i for i in range(len(known)) if i not in cancelled.reverted]
    messages = [known[i].said or known[i].written for i in standing]
    titled = [place for place, i in enumerate(standing) if known[i].is_merge and known[i].said]
    hashes = [known[i].hash for i in standing]
    found = []
    for members in duplicates.groups(messages, hashes, titled, patch_ids):
        one = placed[standing[members[0]]]
        if len(members) > 1:
            one = _merged([placed[standing[place]] for place in members])
        found.append(one)
        if cancelled.unclear and not cancelled.unclear.isdisjoint(standing[place] for place in members):
            found[-1] = Classified(None, replace(one.entry, bump=Bump.NONE))
    return found, [placed[i].entry for i in sorted(cancelled.reverted)]


def _merged(group: Sequence[Classified]) -> Classified:
    """One entry for commits that bring the same change, worded by the one that says most plainly what it is."""
    best = min(group, key=lambda one: (one.section is None, one.entry.inferred))
    best = next((one for one in group if one.entry.breaking), best)
    entries = [one.entry for one in group]
    entry = replace(
        best.entry,
        id=entries[0].id,
        commits=tuple(dict.fromkeys(commit for entry in entries for commit in entry.commits)),
        references=tuple(dict.fromkeys(reference for entry in entries for reference in entry.references)),
        authors=tuple(dict.fromkeys(author for entry in entries for author in entry.authors)),
        bump=classification.strongest([one.bump for one in group]),
    )
    return Classified(best.section, entry)


def _draft(
    found: Sequence[Classified],
    reverted: Sequence[ChangelogEntry],
    *,
    project: str,
    release: str | None,
    previous_release: str | None,
    released_on: date,
) -> Draft:
    by_section: dict[Section | None, list[ChangelogEntry]] = {section: [] for section in (*Section, None)}
    for section, entry in found:
        by_section[section].append(entry)
    needs_review = by_section[None]
    shown = tuple(ChangelogSection(section, tuple(by_section[section])) for section in Section if by_section[section])
    bump, reason = _decided(found, previous_release)
    release = release or versions.next_release(previous_release, bump)
    return Draft(
        sections=shown,
        reverted=tuple(reverted),
        needs_review=tuple(needs_review),
        suggested_bump=bump,
        release=release,
        markdown=markdown.render(shown, needs_review, reverted, release=release, released_on=released_on),
        summary=summary.write(
            project,
            release,
            shown=shown,
            needs_review=needs_review,
            reverted=reverted,
            bump=bump,
            bump_reason=reason,
        ),
        bump_reason=reason,
    )


def _decided(found: Sequence[Classified], previous_release: str | None) -> tuple[Bump, str]:
    """The bump and what decides it: the first change that asks for the highest one."""
    asked = classification.strongest({one.entry.bump or Bump.NONE for one in found})
    if asked is Bump.NONE:
        return asked, "no change asks for a new version"
    decider = next(one.entry for one in found if one.bump is asked)
    text = decider.text if len(decider.text) <= _LONGEST_REASON else decider.text[:_LONGEST_REASON].rstrip() + "…"
    real = [commit[:7] for commit in decider.commits if not commit.startswith(SYNTHETIC)]
    reason = f"“{text}”" + (f" ({real[0]})" if real else "")
    bump = versions.allowed_bump(asked, previous_release)
    if bump is not asked:
        reason += ", breaking while the major version is zero"
    return bump, reason
