from hypothesis import given, settings
from hypothesis import strategies as st

from aiops_changelog.domain import Bump, Commit

from .drafting import all_entries, commits_of, draft_of, hash_at, sections_of

A, B, C, D = (char * 40 for char in "abcd")


def _revert(subject: str, target: str) -> str:
    return f'Revert "{subject}"\n\nThis reverts commit {target}.\n'


def test_a_revert_and_its_target_cancel_out() -> None:
    draft = draft_of(Commit(_revert("feat: x", A), B), Commit("feat: x", A), Commit("fix: y", C))
    assert commits_of(draft.reverted) == {A, B}
    assert sections_of(draft) == {"FIXED": ["y"]}
    assert draft.suggested_bump is Bump.PATCH


def test_prefixes_longer_and_shorter_than_the_hash_and_any_case() -> None:
    assert commits_of(draft_of(Commit(_revert("x", "aaaaaaa"), B), Commit("feat: x", A)).reverted) == {A, B}
    assert commits_of(draft_of(Commit(_revert("x", A.upper()), B), Commit("feat: x", "aaaaaaaa")).reverted) == {
        "a" * 8,
        B,
    }


def test_the_revert_of_a_revert_restores() -> None:
    first = 'Revert "feat: x"'
    draft = draft_of(Commit(_revert(first, B), C), Commit(_revert("feat: x", A), B), Commit("feat: x", A))
    assert sections_of(draft) == {"ADDED": ["x"]}
    assert commits_of(draft.reverted) == {B, C}


def test_reapply_restores_and_a_third_revert_cancels_again() -> None:
    reapply = Commit(f'Reapply "feat: x"\n\nThis reverts commit {B}.', C)
    commits = [reapply, Commit(_revert("feat: x", A), B), Commit("feat: x", A)]
    assert sections_of(draft_of(*commits)) == {"ADDED": ["x"]}
    again = draft_of(Commit(_revert('Reapply "feat: x"', C), D), *commits)
    assert sections_of(again) == {}
    assert commits_of(again.reverted) == {A, B, C, D}


def test_the_revert_type_with_hashes_in_a_footer() -> None:
    draft = draft_of(
        Commit("revert: noodle incident\n\nRefs: 676104e, a215868", B),
        Commit("feat: noodle", "676104e" + "0" * 33),
        Commit("fix: noodle", "a215868" + "0" * 33),
    )
    assert len(draft.reverted) == 3


def test_several_hashes_in_the_body_and_words_that_look_like_hashes() -> None:
    body = f"This reverts commits {A}, {B[:10]} and {C}.\nThis was added, faded and decade old."
    draft = draft_of(
        Commit(f"Revert three things\n\n{body}", D), Commit("feat: x", A), Commit("fix: y", B), Commit("fix: z", C)
    )
    assert commits_of(draft.reverted) == {A, D, C}  # b… is made of letters only, so the short form is no hash
    assert sections_of(draft) == {"FIXED": ["y"]}


def test_by_subject_and_by_pull_request_where_no_hash_is_given() -> None:
    assert sections_of(draft_of('Revert "feat: x (#3)" (#4)', "feat: x (#3)")) == {}
    assert sections_of(draft_of("revert: feat: x", "feat: x")) == {}
    assert sections_of(draft_of('Revert "Fancy title" (#4)\n\nReverts #3', "feat: x (#3)")) == {}


def test_the_pull_request_of_another_repository_is_none_of_ours() -> None:
    commits = 'Revert "Fancy title" (#4)\n\nReverts acme/Tool#3', "feat: x (#3)"
    for ours in ("tool", "Acme/tool"):
        assert sections_of(draft_of(*commits, project=ours)) == {}
    for other in ("acme", "tool2", "Demo"):
        assert sections_of(draft_of(*commits, project=other)) == {"ADDED": ["x"], "CHANGED": ['Revert "Fancy title"']}
    # What it quotes may still be here.
    assert sections_of(draft_of('Revert "feat: x (#3)" (#4)\n\nReverts acme/tool#3', "feat: x (#3)")) == {}


def test_what_lands_again_after_a_revert_by_pull_request_stays() -> None:
    relanded, revert, landed = "feat: x, with a test (#3)", 'Revert "Fancy title" (#4)\n\nReverts #3', "feat: x (#3)"
    draft = draft_of(relanded, revert, landed)
    assert sections_of(draft) == {"ADDED": ["x, with a test"]}
    assert commits_of(draft.reverted) == {hash_at(2), hash_at(3)}


def test_of_two_equal_subjects_only_the_next_one_is_reverted() -> None:
    draft = draft_of("feat: x", 'Revert "feat: x"', "feat: x")
    assert sections_of(draft) == {"ADDED": ["x"]}
    assert commits_of(draft.reverted) == {hash_at(2), hash_at(3)}


def test_a_revert_of_something_released_is_a_change() -> None:
    draft = draft_of(
        _revert("feat: x", "9" * 40), "revert: fix: y\n\nThis reverts commit 8888888.", _revert("ci: z", "7" * 40)
    )
    assert [part.section.value for part in draft.sections] == ["CHANGED", "REMOVED", "INTERNAL"]
    assert draft.suggested_bump is Bump.PATCH
    assert draft.reverted == ()


def test_quoting_a_breaking_subject_does_not_break() -> None:
    draft = draft_of(_revert("feat!: x", "9" * 40))
    assert draft.suggested_bump is Bump.PATCH


def test_a_partial_revert_stays_visible() -> None:
    draft = draft_of(Commit(f"revert: both\n\nRefs: {A}, 9999999", B), Commit("feat: x", A))
    assert commits_of(draft.reverted) == {A}
    assert [part.section.value for part in draft.sections] == ["CHANGED"]


def test_a_change_that_also_reverts_keeps_its_place() -> None:
    draft = draft_of(Commit(f"feat: better x\n\nThis reverts commit {A}.", B), Commit("feat: x", A))
    assert sections_of(draft) == {"ADDED": ["better x"]}
    assert commits_of(draft.reverted) == {A}


def test_a_fenced_statement_reverts_nothing() -> None:
    draft = draft_of(Commit(f"docs: how to\n\n```\nThis reverts commit {A}.\n```", B), Commit("feat: x", A))
    assert draft.reverted == ()


def test_an_ambiguous_prefix_needs_review() -> None:
    draft = draft_of(Commit(_revert("x", "abcd"), B), Commit("feat: x", "abcd1"), Commit("feat: y", "abcd2"))
    assert commits_of(draft.needs_review) == {B}
    assert sections_of(draft) == {"ADDED": ["x", "y"]}


def test_a_relanded_duplicate_of_a_reverted_commit_is_kept() -> None:
    pick = Commit(f"feat: x\n\n(cherry picked from commit {A})", C)
    draft = draft_of(pick, Commit(_revert("feat: x", A), B), Commit("feat: x", A))
    assert sections_of(draft) == {"ADDED": ["x"]}
    assert commits_of(draft.sections[0].entries) == {C}


def test_cycles_end() -> None:
    draft = draft_of(Commit(_revert("y", B), A), Commit(_revert("x", A), B), Commit(_revert("me", C), C))
    assert sum(len(entry.commits) for entry in all_entries(draft)) == 3


@settings(max_examples=20)
@given(st.integers(1, 2000))
def test_chains_of_any_length_alternate(length: int) -> None:
    chain = [Commit(_revert("x", f"{i - 1:040x}"), f"{i:040x}") for i in range(length, 0, -1)]
    draft = draft_of(*chain, Commit("feat: x", f"{0:040x}"))
    assert sections_of(draft) == ({} if length % 2 else {"ADDED": ["x"]})
