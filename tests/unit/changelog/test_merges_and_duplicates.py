import pytest

from aiops_changelog.domain import Bump, Commit
from aiops_changelog.engine import generate

from .drafting import DAY, all_entries, commits_of, draft_of, hash_at, sections_of


@pytest.mark.parametrize(
    "message",
    [
        "Merge branch 'main' into topic",
        "Merge branch 'topic'\n\nThis resolves conflicts in the parser.",
        "Merge remote-tracking branch 'origin/main'",
        "Merge pull request #12 from acme/topic",
        "Merge tag 'v1.0.0' into develop\n\nv1.0.0",
        "Merge branch 'fix!: x'\n\n# Conflicts:\n#\tREADME",
        "Merge 0123abc into 4567def",
    ],
)
def test_merges_that_bring_nothing_are_internal(message: str) -> None:
    draft = draft_of(message)
    assert list(sections_of(draft)) == ["INTERNAL"]
    assert draft.suggested_bump is Bump.NONE


@pytest.mark.parametrize(
    ("message", "section", "reference"),
    [
        ("Merge pull request #12 from acme/topic\n\nfeat(ui): themes", "ADDED", "#12"),
        (
            "Merge branch 'x' into 'main'\n\nFix crash\n\nCloses #3\n\nSee merge request acme/tool!12",
            "FIXED",
            "acme/tool!12",
        ),
        ("Merged in topic (pull request #12)\n\nAdd themes", "ADDED", "#12"),
        ("Auto merge of #12 - ann:topic, r=bo\n\nDeprecate old themes", "DEPRECATED", "#12"),
        ("Merged PR 12: fix: crash", "FIXED", None),
        ("Merge branch 'x'\n\nfeat!: themes", "BREAKING", None),
    ],
)
def test_merges_that_bring_a_change(message: str, section: str, reference: str | None) -> None:
    draft = draft_of(message)
    assert list(sections_of(draft)) == [section]
    assert reference is None or reference in all_entries(draft)[0].references


def test_a_normal_subject_that_begins_with_merge_is_no_merge() -> None:
    assert sections_of(draft_of("Merge duplicate rows on import")) == {"CHANGED": ["Merge duplicate rows on import"]}


def test_squash_bodies_decide_where_the_subject_does_not() -> None:
    draft = draft_of("Themes (#12)\n\n* chore: setup\n* feat(ui): dark theme\n\nwith a picker\n\n* fix: contrast\n")
    assert sections_of(draft) == {"ADDED": ["Themes — setup; dark theme; contrast"]}
    assert draft.suggested_bump is Bump.MINOR


def test_the_subject_of_a_squash_decides_the_section_and_any_line_the_bump() -> None:
    draft = draft_of("fix: contrast (#12)\n\n* fix: contrast\n* feat: picker\n")
    assert sections_of(draft) == {"FIXED": ["contrast"]}
    assert draft.suggested_bump is Bump.MINOR


@pytest.mark.parametrize("line", ["* feat!: new ids\n* fix: y", "* feat: ids\n\nBREAKING CHANGE: new ids\n\n* fix: y"])
def test_a_breaking_line_of_a_squash_breaks(line: str) -> None:
    draft = draft_of(f"Rework ids (#12)\n\n{line}")
    assert list(sections_of(draft)) == ["BREAKING"]
    assert "new ids" in all_entries(draft)[0].text


def test_a_list_in_prose_is_no_squash() -> None:
    draft = draft_of("docs: list types\n\n- feat: a feature\n- it is used often\n- by many\n- and fine\n\nDone.")
    assert draft.suggested_bump is Bump.NONE
    assert draft_of("docs: list types\n\n```\n* feat!: a\n* fix!: b\n```").suggested_bump is Bump.NONE


def test_a_merge_that_lists_what_is_there_already_brings_nothing() -> None:
    draft = draft_of("Merge pull request #3 from a/b\n\n* feat: x\n* fix: y", "feat: x", "fix: y")
    assert sections_of(draft) == {"ADDED": ["x"], "FIXED": ["y"], "INTERNAL": ["Merge pull request #3 from a/b"]}


def test_a_pull_request_and_its_merge_are_one_entry() -> None:
    draft = draft_of(
        "Merge pull request #12 from a/b\n\nAdd retries to the client", "feat(client): add retries to the client"
    )
    assert sections_of(draft) == {"ADDED": ["add retries to the client"]}
    assert commits_of(draft.sections[0].entries) == {hash_at(1), hash_at(2)}


def test_cherry_picks_share_an_entry() -> None:
    picked = hash_at(9)
    draft = draft_of(
        Commit(f"fix: crash on start\n\n(cherry picked from commit {picked})", "abcd"),
        Commit("fix: crash at start", picked),
    )
    assert [entry.commits for entry in all_entries(draft)] == [("abcd", picked)]


def test_the_same_subject_shares_an_entry_and_keeps_all_references() -> None:
    draft = draft_of("fix: typo in help (#1)", "Fix:  Typo in help (#2)", "fix: typo in man page")
    assert [entry.references for entry in all_entries(draft)] == [("#1", "#2"), ()]


def test_the_same_pull_request_with_a_similar_subject_shares_an_entry() -> None:
    draft = draft_of("feat: add dark theme (#7)", "Add the dark theme (#7)", "fix: contrast of buttons (#7)")
    assert sections_of(draft) == {"ADDED": ["add dark theme"], "FIXED": ["contrast of buttons"]}
    assert all_entries(draft)[0].commits == (hash_at(1), hash_at(2))


def test_a_backport_that_says_so_shares_the_entry() -> None:
    draft = draft_of("Fix crash on resize (#12)", "Fix crash on resize (backport #12) (#15)", "Fix crash (on resize)")
    assert [len(entry.commits) for entry in all_entries(draft)] == [2, 1]


def test_equal_differences_share_an_entry_whatever_they_are_called() -> None:
    commits = [Commit("fix: crash", hash_at(1)), Commit("Handle EOF", hash_at(2)), Commit("feat: x", hash_at(3))]
    draft = generate(
        commits,
        project="p",
        release=None,
        previous_release=None,
        released_on=DAY,
        patch_ids={hash_at(1): "same", hash_at(2): "same", hash_at(3): "other"},
    )
    assert [entry.commits for entry in all_entries(draft)] == [(hash_at(3),), (hash_at(1), hash_at(2))]


def test_a_breaking_duplicate_makes_the_entry_breaking() -> None:
    draft = draft_of("feat: x", "feat: x\n\nBREAKING CHANGE: y")
    assert sections_of(draft) == {"BREAKING": ["x — y"]}
