"""``train`` and ``classify --model`` offline: from a file to a model in a file."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from aiops_triage.__main__ import cli

NAMES = ("north", "south", "east", "west", "upper", "lower", "old", "new", "red", "blue", "green", "grey")


def lines(one: str, other: str, names: Iterable[str] = NAMES) -> str:
    """Tickets of two kinds that have few words in common."""
    made = [
        *({"title": f"No rights for the {name} folder", "body": "please", "category": one} for name in names),
        *({"title": f"Invoice of the {name} shop", "body": "wrong amount", "category": other} for name in names),
    ]
    return "".join(json.dumps(line) + "\n" for line in made)


def run(*arguments: str | Path, given: str = "") -> Result:
    """The command's end."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], input=given)


def test_a_model_learns_from_a_file_and_classifies_offline(tmp_path: Path) -> None:
    model = tmp_path / "model.npz"
    trained = run("train", "--from", "-", "--out", model, "--json", given=lines("ACCESS", "BILLING"))
    assert trained.exit_code == 0, trained.output
    told = json.loads(trained.stdout)
    assert told["version"] == str(model)
    assert told["metrics"]["examples"] == 24
    assert told["metrics"]["macro_f1"] > 0.9
    asked = '{"title": "Invoice of the yellow shop", "body": "wrong amount"}\n'
    verdict = json.loads(run("classify", "-", "--json", "--model", model, given=asked).stdout)
    assert verdict["category"] == "BILLING"
    assert {"line", "category", "severity", "priority", "confidence", "reasons"} <= verdict.keys()


def test_a_model_with_labels_of_its_own_decides_the_category_and_nothing_else(tmp_path: Path) -> None:
    model = tmp_path / "model.npz"
    given = lines("rights", "money")
    trained = run("train", "--from", "-", "--out", model, "--labels", "rights, money", given=given)
    assert trained.exit_code == 0, trained.output
    assert trained.stdout.splitlines()[0].split() == ["metric", str(model)]
    asked = '{"title": "Invoice: production is down for everyone", "body": "wrong amount"}\n'
    verdict = json.loads(run("classify", "-", "--json", "--model", model, given=asked).stdout)
    assert (verdict["category"], verdict["priority"]) == ("money", "P1")
    categories = [reason for reason in verdict["reasons"] if reason.startswith("category ")]
    assert [reason.split(":")[0] for reason in categories] == ["category money"]
    text = run("classify", "-", "--model", model, given=asked)
    assert text.stdout.split()[:4] == ["1", "P1", "CRITICAL", "money"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            '{"title": "x", "category": "ACCESS"}\n\n{"title": "y", "category": "Rights"}\n',
            "line 3: category: 'Rights'",
        ),
        ('{"title": "secret words"}\n', "line 1: category: Field required"),
        ("secret words\n", "line 1: Invalid JSON"),
    ],
)
def test_a_bad_line_is_named_and_not_shown(tmp_path: Path, given: str, told: str) -> None:
    result = run("train", "--from", "-", "--out", tmp_path / "m", given=given)
    assert result.exit_code == 2
    assert told in result.stderr
    assert "secret words" not in result.output
    assert not (tmp_path / "m").exists()


def test_too_few_examples_say_how_many_of_which_are_missing(tmp_path: Path) -> None:
    result = run("train", "--from", "-", "--out", tmp_path / "m", given=lines("ACCESS", "BILLING", NAMES[:4]))
    assert result.exit_code == 1
    assert "10" in result.stderr
    assert "ACCESS has 4" in result.stderr
    assert "BILLING has 4" in result.stderr


def test_a_rare_category_is_left_out_and_said(tmp_path: Path) -> None:
    given = lines("ACCESS", "BILLING") + '{"title": "Holiday", "category": "HR"}\n'
    result = run("train", "--from", "-", "--out", tmp_path / "m", given=given)
    assert result.exit_code == 0
    assert "left out: HR has 1 of 10 examples" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--out", "m"], "it needs --from"),
        (["--from", "-", "--out", "m", "--activate"], "nothing can be activated"),
        (["--from", "-", "--labels", "a,b"], "--labels needs --out"),
        (["--no-corrections"], "nothing to learn from"),
    ],
)
def test_wrong_usage_says_what_to_do(arguments: list[str], told: str) -> None:
    result = run("train", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not much", b"\x80\x04N."])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    model = tmp_path / "model.npz"
    model.write_bytes(content)
    result = run("classify", "-", "--model", model, given='{"title": "x"}\n')
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    missing = run("classify", "-", "--model", tmp_path / "none", given='{"title": "x"}\n')
    assert missing.exit_code == 1
    assert "No such file" in missing.stderr
