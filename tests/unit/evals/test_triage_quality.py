"""Floors for the quality of triage on the corpus of evals/: the numbers cannot fall unseen."""

import csv
from pathlib import Path

from evals.triage import is_severe, macro_f1, measure

from aiops_triage.engine import classify

CORPUS = Path(__file__).parents[3] / "evals" / "corpus" / "triage"


def tickets() -> list[dict[str, str]]:
    with (CORPUS / "tickets.csv").open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_the_rules_find_the_category() -> None:
    rows = tickets()
    answers = [str(classify(row["title"], row["body"]).category) for row in rows]
    assert macro_f1([row["category"] for row in rows], answers) >= 0.9


def test_the_rules_tell_severe_from_not_severe() -> None:
    rows = tickets()
    truth = [row["severe"] for row in rows]
    answers = [str(is_severe(row["title"], row["body"])).lower() for row in rows]
    assert macro_f1(truth, answers) >= 0.85


def test_a_corpus_is_measured_by_its_columns() -> None:
    assert [figure.metric for figure in measure(CORPUS)] == ["rules: severe or not, macro-F1"]
