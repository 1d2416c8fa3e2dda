"""Every input commit is in exactly one of a section, reverted, needs_review; whatever the input."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from aiops_changelog.domain import Bump, ChangeSection, Commit, Entry
from aiops_changelog.engine import generate_from_entries
from aiops_contracts.changelog import ChangelogSection as WireSection

from .drafting import DAY, all_entries, draft_of

HASHES = [f"{i:x}" * 5 for i in range(1, 16)]
SUBJECTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            *(
                "feat: x",
                "feat(a)!: x",
                "fix: y (#3)",
                "Fix y (#3)",
                "Merge pull request #3 from a/b",
                "Merge branch 'x'",
            ),
            *(
                'Revert "feat: x"',
                'Revert "Revert "feat: x""',
                'Reapply "feat: x"',
                "revert: feat: x",
                "wip",
                "✨ z",
                ":x:",
            ),
            *("OPS-1", "OPS-1: ", "[OPS-1] feat: q", "Merged PR 4: feat: x", "", "chore(release): 1.0.0", "💥"),
        ]
    ),
)
BODIES = st.one_of(
    st.just(""),
    st.text(max_size=60),
    st.sampled_from(HASHES).map(lambda h: f"This reverts commit {h}."),
    st.sampled_from(HASHES).map(lambda h: f"(cherry picked from commit {h}ffff)"),
    st.sampled_from(HASHES).map(lambda h: f"Refs: {h}aa, {h}"),
    st.sampled_from(
        [
            "BREAKING CHANGE: z",
            "* feat: a\n* fix!: b\n",
            "* x:\n  feat: x\n",
            "```\nopen",
            "Reverts #3",
            "fix: inner",
            "A: b\nc",
        ]
    ),
)
COMMITS = st.builds(
    lambda subject, body, digest, paths: Commit(f"{subject}\n\n{body}" if body else subject, digest, paths=paths),
    SUBJECTS,
    BODIES,
    st.one_of(st.none(), st.sampled_from(HASHES)),
    st.sampled_from([(), ("docs/a.md",), ("src/a.py", "tests/test_a.py")]),
)


@given(st.lists(COMMITS, max_size=12))
def test_every_commit_is_in_exactly_one_place(commits: list[Commit]) -> None:
    draft = draft_of(*commits)
    placed = Counter(commit for entry in all_entries(draft) for commit in entry.commits)
    distinct = {(commit.hash, commit.message) for commit in commits if commit.hash}
    assert set(placed.values()) <= {1}
    assert {commit.hash for commit in commits if commit.hash} <= placed.keys()
    ids = [entry.id for entry in all_entries(draft)]
    assert all(ids)
    assert len(set(ids)) == len(ids)
    assert placed.total() == len(distinct) + sum(commit.hash is None for commit in commits)


@given(st.lists(COMMITS, max_size=8))
def test_drafts_are_deterministic_and_fit_the_contract(commits: list[Commit]) -> None:
    draft = draft_of(*commits)
    assert draft_of(*commits) == draft
    for part in draft.sections:
        WireSection.model_validate(part)


@given(
    st.lists(st.builds(Entry, st.sampled_from(ChangeSection), st.text(min_size=1, max_size=20), breaking=st.booleans()))
)
def test_every_ready_entry_is_kept_in_its_section(entries: list[Entry]) -> None:
    draft = generate_from_entries(entries, project="p", release=None, previous_release=None, released_on=DAY)
    kept = [(part.section, entry.text) for part in draft.sections for entry in part.entries]
    assert len({entry.id for entry in all_entries(draft)}) == len(entries)
    assert sorted(kept) == sorted((entry.section, entry.text) for entry in entries)
    assert draft.sections == tuple(sorted(draft.sections, key=lambda part: list(ChangeSection).index(part.section)))


def test_an_entry_keeps_its_id_when_commits_come_before_and_behind_it() -> None:
    fix = Commit("fix: b", "b" * 40)
    (alone,) = all_entries(draft_of(fix))
    among = next(e for e in all_entries(draft_of(Commit("feat: a", "a" * 40), fix, Commit("feat: c"))) if e.text == "b")
    assert alone.id == among.id == "b" * 12


def test_commits_whose_hashes_begin_alike_have_ids_of_their_own() -> None:
    draft = draft_of(*(Commit(f"feat: {end}", "a" * 12 + end * 28) for end in "1234"), Commit("feat: 5", "a" * 12))
    assert len({entry.id for entry in all_entries(draft)}) == 5


def test_the_same_commit_object_twice_counts_once() -> None:
    commit = Commit("feat: a", "a" * 40)
    assert [entry.commits for entry in all_entries(draft_of(commit, commit))] == [("a" * 40,)]


def test_a_hash_that_looks_like_one_of_ours_hides_nothing() -> None:
    (entry,) = all_entries(draft_of(Commit("feat: a")))
    draft = draft_of(Commit("feat: a"), Commit("fix: b", entry.commits[0]), Commit("feat: a"))
    assert sum(len(one.commits) for one in all_entries(draft)) == 3


def test_hashes_used_by_two_messages_hide_neither() -> None:
    draft = draft_of(Commit("feat: a", "0000000"), Commit("fix: b", "0000000"))
    assert [entry.text for entry in all_entries(draft)] == ["a", "b"]


def test_commits_without_a_hash_get_stable_ids_that_are_not_shown() -> None:
    commits = [Commit("feat: a"), Commit("feat: a"), Commit("fix: b")]
    draft = draft_of(*commits)
    ids = [commit for entry in all_entries(draft) for commit in entry.commits]
    assert len(set(ids)) == 3
    assert all(commit.startswith("unhashed-") for commit in ids)
    assert "unhashed" not in draft.markdown
    assert draft_of(*commits).sections == draft.sections


def test_no_commits_make_an_empty_draft() -> None:
    draft = draft_of()
    assert draft.sections == ()
    assert draft.markdown == "## [Unreleased]\n"
    assert draft.suggested_bump is Bump.NONE
