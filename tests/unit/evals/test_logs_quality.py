"""The log engine on the corpus in this repository: no metric may fall below what it has reached."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from evals.figures import Figure
from evals.logs import accuracy, canonical, measure

_CORPUS = Path(__file__).parents[3] / "evals" / "corpus" / "logs"
_FLOORS = {"GA": 0.98, "FGA": 0.96, "PA": 0.90, "FTA": 0.91}


@pytest.fixture(scope="module")
def figures() -> dict[tuple[str, str], Figure]:
    return {(figure.data_set, figure.metric): figure for figure in _accuracy(measure(_CORPUS))}


def _accuracy(figures: Iterator[Figure]) -> Iterator[Figure]:
    # The speed comes last, and says nothing while other tests run.
    for figure in figures:
        if figure.metric not in _FLOORS:
            return
        yield figure


@pytest.mark.parametrize("metric", _FLOORS)
def test_the_average_stays_above_its_floor(figures: dict[tuple[str, str], Figure], metric: str) -> None:
    assert figures["average", metric].value >= _FLOORS[metric]


def test_every_log_of_the_corpus_is_measured(figures: dict[tuple[str, str], Figure]) -> None:
    assert {data_set for data_set, _ in figures} == {path.stem for path in _CORPUS.glob("*.log")} | {"average"}


def test_metrics_are_those_of_the_papers() -> None:
    truth = ["a <*>", "a <*>", "b", "c"]
    assert accuracy(truth, truth) == {"GA": 1, "FGA": 1, "PA": 1, "FTA": 1}
    # One group of two is right with a wrong template, "b" and "c" were merged.
    found = accuracy(truth, ["a x", "a x", "<*>", "<*>"])
    assert found == {"GA": 0.5, "FGA": pytest.approx(2 / 5), "PA": 0, "FTA": 0}


def test_runs_of_wildcards_count_as_one() -> None:
    assert canonical(" a  <*> <*><*> b ") == "a <*> b"


def test_a_directory_without_logs_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("x\n")
    assert list(measure(tmp_path)) == []
