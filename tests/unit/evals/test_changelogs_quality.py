"""Floors of the changelog engine's numbers on the self-made corpus."""

import pytest
from evals import changelogs
from evals.changelog_history import history

LEAST_MACRO_F1 = 0.90
LEAST_DETECTION_F1 = 0.98


@pytest.mark.parametrize(
    "case", changelogs.rows("specification"), ids=lambda case: f"{case['rule']}: {case['message']!r}"
)
def test_the_specification(case: dict[str, object]) -> None:
    assert changelogs.disagreement(case) == ""


def test_every_rule_that_tells_messages_apart_has_a_case() -> None:
    assert {case["rule"] for case in changelogs.rows("specification")} == set(range(1, 17))


def test_a_disagreement_names_the_field() -> None:
    assert changelogs.disagreement({"rule": 1, "message": "feat: x", "type": "fix"}) == "type: 'feat', not 'fix'"


def test_sections_of_invented_subjects() -> None:
    assert changelogs.macro_f1(changelogs.placed(changelogs.rows("subjects"))) >= LEAST_MACRO_F1


@pytest.mark.parametrize("seed", [11, 12])
def test_reverts_and_breaking_changes_of_a_generated_history(seed: int) -> None:
    figures = {figure.metric: figure.value for figure in changelogs.detection(history(1500, seed=seed))}
    assert figures["F1 of reverts"] >= LEAST_DETECTION_F1
    assert figures["F1 of breaking changes"] >= LEAST_DETECTION_F1
    assert figures["share accounted for"] == 1


def test_generated_histories_hold_what_they_are_for() -> None:
    commits = history(1500, seed=11)
    assert sum(told.breaking for told in commits) >= 10
    assert sum(not told.standing for told in commits) >= 20
    assert any(told.reverts is not None and commits[told.reverts].reverts is not None for told in commits)


def test_macro_f1_is_the_mean_over_true_labels() -> None:
    pairs = [("A", "A"), ("A", "B"), ("B", "B"), ("B", "REVIEW")]
    assert changelogs.macro_f1(pairs) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_conventional_messages_lose_their_type_and_scope() -> None:
    messages = ["feat(ui): dark theme\n\nbody"] * 10 + ["fix: crash"] * 10 + ["ci: x"] * 9 + ["feat!: y", "Add z"]
    cases = changelogs.stripped(messages)
    assert {(case["section"], case["message"]) for case in cases} == {
        ("ADDED", "dark theme\n\nbody"),
        ("FIXED", "crash"),
    }
