"""Short ways to make drafts and to look at them."""

from datetime import date

from aiops_changelog.domain import ChangelogEntry, Commit, Draft
from aiops_changelog.engine import generate

DAY = date(2024, 5, 1)


def draft_of(
    *commits: Commit | str, project: str = "Demo", release: str | None = None, previous: str | None = None
) -> Draft:
    """Draft of commits; a plain message gets the hash of its place: 0000001, 0000002 and so on, padded to 40."""
    whole = [
        commit if isinstance(commit, Commit) else Commit(commit, hash_at(place))
        for place, commit in enumerate(commits, start=1)
    ]
    return generate(whole, project=project, release=release, previous_release=previous, released_on=DAY)


def hash_at(place: int) -> str:
    return f"{place:07x}" + "e" * 33


def sections_of(draft: Draft) -> dict[str, list[str]]:
    return {part.section.value: [entry.text for entry in part.entries] for part in draft.sections}


def all_entries(draft: Draft) -> list[ChangelogEntry]:
    return [*(e for part in draft.sections for e in part.entries), *draft.reverted, *draft.needs_review]


def commits_of(entries: tuple[ChangelogEntry, ...]) -> set[str]:
    return {commit for entry in entries for commit in entry.commits}
