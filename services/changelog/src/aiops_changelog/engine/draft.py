"""Commits or ready entries → draft. Law: every commit is in exactly one of sections, reverted, needs_review."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from aiops_changelog.domain import Bump, ChangelogEntry, ChangelogSection, Commit, Draft, Entry
from aiops_changelog.domain import ChangeSection as Section
from aiops_changelog.engine import classification, duplicates, markdown, merges, reverts, sections, summary, versions
from aiops_changelog.engine.classification import Change, Classified
from aiops_changelog.engine.message import parse

_LONGEST_REASON = 100


def generate(
    commits: Sequence[Commit],
    *,
    project: str,
    release: str | None,
    previous_release: str | None,
    released_on: date,
) -> Draft:
    """Draft of the changes that ``commits`` brought, entries in the order of the input.

    Duplicates share an entry that lists all their commits; one commit given twice counts once. A commit without a
    hash, and one whose hash another message already has, is listed under a stable id from its content (``unhashed-…``).
    """
    changes = _changes(commits)
    cancelled = reverts.resolve([change.written for change in changes], [change.hash for change in changes])
    has_merges = any(merges.is_merge(change.written.subject) for change in changes)
    known = {reverts.subject_key(change.written.subject) for change in changes} if has_merges else set()
    standing = [change for i, change in enumerate(changes) if i not in cancelled.reverted]
    unclear = {changes[i].id for i in cancelled.unclear}
    found: list[Classified] = []
    messages = [change.said or change.written for change in standing]
    titled = [i for i, change in enumerate(standing) if change.said and merges.is_merge(change.written.subject)]
    for members in duplicates.groups(messages, [change.hash for change in standing], titled):
        classified = _merged([classification.classify(standing[i], known) for i in members])
        if unclear.intersection(classified.entry.commits):
            classified = Classified(None, Bump.NONE, classified.entry)
        found.append(classified)
    reverted = [classification.classify(changes[i], known).entry for i in sorted(cancelled.reverted)]
    return _draft(
        found,
        reverted,
        project=project,
        release=release,
        previous_release=previous_release,
        released_on=released_on,
    )


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
    for entry in entries:
        breaking = entry.breaking or entry.section is Section.BREAKING
        kept = ChangelogEntry(
            text=entry.text,
            scope=entry.scope,
            breaking=breaking,
            references=entry.references,
            authors=entry.authors,
        )
        bump = Bump.MAJOR if breaking else sections.SECTION_BUMPS[entry.section]
        found.append(Classified(entry.section, bump, kept))
    return _draft(
        found, [], project=project, release=release, previous_release=previous_release, released_on=released_on
    )


def _changes(commits: Sequence[Commit]) -> list[Change]:
    ids: set[str] = set()
    given: set[tuple[str, str]] = set()
    changes = []
    for commit in commits:
        key = commit.hash.lower() if commit.hash else None
        if key:
            if (key, commit.message) in given:
                continue
            given.add((key, commit.message))
        written = parse(commit.message)
        said = merges.without_forge_prefix(written)
        if merges.is_merge(written.subject):
            merged = merges.merged_change(written)
            written.pull_request = merges.request_number(written)
        else:
            merged = said
        own = commit.hash if key and key not in ids else None
        identity = own or _synthetic(commit, ids)
        ids.add(identity.lower())
        changes.append(Change(identity, own, commit, written, merged))
    return changes


def _synthetic(commit: Commit, ids: set[str]) -> str:
    """Id from message, author and time; equal commits are told apart by how often they came before."""
    content = "\0".join((commit.message, commit.author or "", str(commit.committed_at or "")))
    repeated = 0
    while True:
        digest = hashlib.sha256(f"{content}\0{repeated}".encode(errors="replace")).hexdigest()[:16]
        identity = markdown.SYNTHETIC + digest
        if identity not in ids:
            return identity
        repeated += 1


def _merged(group: Sequence[Classified]) -> Classified:
    """One entry for commits that bring the same change, worded by the one that says most plainly what it is."""
    if len(group) == 1:
        return group[0]
    best = min(group, key=lambda one: (one.section is None, one.entry.inferred))
    breaking = next((one for one in group if one.entry.breaking), None)
    best = breaking or best
    entries = [one.entry for one in group]
    entry = replace(
        best.entry,
        commits=tuple(dict.fromkeys(commit for entry in entries for commit in entry.commits)),
        references=tuple(dict.fromkeys(reference for entry in entries for reference in entry.references)),
        authors=tuple(dict.fromkeys(author for entry in entries for author in entry.authors)),
    )
    return Classified(best.section, classification.strongest([one.bump for one in group]), entry)


def _draft(
    found: Sequence[Classified],
    reverted: Sequence[ChangelogEntry],
    *,
    project: str,
    release: str | None,
    previous_release: str | None,
    released_on: date,
) -> Draft:
    by_section: dict[Section, list[ChangelogEntry]] = {section: [] for section in Section}
    needs_review = []
    for one in found:
        if one.section is None:
            needs_review.append(one.entry)
        else:
            by_section[one.section].append(one.entry)
    shown = tuple(ChangelogSection(section, tuple(entries)) for section, entries in by_section.items() if entries)
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
    asked = classification.strongest([one.bump for one in found])
    if asked is Bump.NONE:
        return asked, "no change asks for a new version"
    decider = next(one.entry for one in found if one.bump is asked)
    text = decider.text if len(decider.text) <= _LONGEST_REASON else decider.text[:_LONGEST_REASON].rstrip() + "…"
    real = [commit[:7] for commit in decider.commits if not commit.startswith(markdown.SYNTHETIC)]
    reason = f"“{text}”" + (f" ({real[0]})" if real else "")
    bump = versions.allowed_bump(asked, previous_release)
    if bump is not asked:
        reason += ", breaking while the major version is zero"
    return bump, reason
