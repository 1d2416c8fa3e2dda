"""What redaction finds in made-up texts, and that it leaves harmless ones alone: these numbers may rise, not fall."""

import pytest
from evals.redaction import HARMLESS, TARGETS, Marked, found, made_up

from aiops_common.redaction import Kind, redact

FIGURES = {figure.metric: figure for figure in found("made up", made_up())}
HARMLESS_LINES = HARMLESS.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("kind", TARGETS)
def test_recall_keeps_to_its_target(kind: str) -> None:
    figure = FIGURES[f"recall {kind}"]
    assert figure.is_met, figure


@pytest.mark.parametrize("kind", TARGETS)
def test_nearly_everything_that_is_replaced_is_what_it_was_taken_for(kind: str) -> None:
    assert FIGURES[f"precision {kind}"].value >= 0.98, FIGURES[f"precision {kind}"]


@pytest.mark.parametrize("line", HARMLESS_LINES)
def test_what_only_looks_like_something_stays(line: str) -> None:
    assert redact(line).text == line


def test_a_miss_and_a_false_find_are_counted() -> None:
    texts = [Marked("a@example.com b", ((14, 15, Kind.EMAIL),)), Marked("c@example.com", ((0, 13, Kind.EMAIL),))]
    figures = {figure.metric: figure.value for figure in found("x", texts)}
    assert figures == {"recall EMAIL": 0.5, "precision EMAIL": 0.5}
