"""What redaction finds in made-up texts, and that it leaves harmless ones alone: these numbers may rise, not fall."""

import json
from pathlib import Path

import pytest
from evals.redaction import HARMLESS, TARGETS, Marked, found, made_up, measure

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


@pytest.mark.parametrize(("start", "end"), [("start_position", "end_position"), ("start", "end")])
def test_samples_of_presidio_are_found_by_their_shape(tmp_path: Path, start: str, end: str) -> None:
    spans = [{"entity_type": "EMAIL_ADDRESS", start: 3, end: 16}, {"entity_type": "PERSON", start: 0, end: 2}]
    text = json.dumps([{"full_text": "Jo a@example.com", "spans": spans}])
    (tmp_path / "any name.json").write_text(text, encoding="utf-8")
    (tmp_path / "other.json").write_text("[]", encoding="utf-8")
    figures = {figure.metric: figure.value for figure in measure(tmp_path) if figure.data_set == "any name"}
    assert figures == {"recall EMAIL": 1.0, "precision EMAIL": 1.0}
