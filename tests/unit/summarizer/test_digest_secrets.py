"""What the offline digest writes holds no secret and no half of one, and spares the log itself."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aiops_summarizer.__main__ import cli

_TOKEN = "ghp_" + "aBcDeFgHiJkL" * 3
_FORMS = pytest.mark.parametrize("form", [[], ["--json"], ["--markdown"]])


def _digest(log: str, *form: str) -> str:
    result = CliRunner().invoke(cli, ["digest", "-", *form], input=log)
    assert result.exit_code == 0
    return result.stdout


@_FORMS
@pytest.mark.parametrize("shown", [160, 300, 1000, 2048])
@pytest.mark.parametrize("left", [6, 15, 30])
@pytest.mark.parametrize(
    "start", ["2024-05-01 10:00:00 ERROR ", "Caused by: a.BrokenException: ", "    at "], ids=["line", "cause", "frame"]
)
def test_no_limit_cuts_a_secret_in_two(start: str, left: int, shown: int, form: list[str]) -> None:
    line = start + ("y " * shown)[: shown - len(start) - left - 1] + " " + _TOKEN + " end"
    said = _digest("2024-05-01 10:00:00 ERROR it died\n" + line, *form)
    assert _TOKEN[:5] not in said


@_FORMS
def test_no_value_is_quoted_without_what_makes_it_a_secret(form: list[str]) -> None:
    values = ["hunterXYZ" if n % 10 else f"other{n}pw" for n in range(60)]
    said = _digest(
        "".join(f"2024-05-01 10:00:{n:02} ERROR password={v} refused\n" for n, v in enumerate(values)), *form
    )
    assert "hunterXYZ" not in said


def test_the_same_log_with_another_secret_has_not_changed(tmp_path: Path) -> None:
    old, new = tmp_path / "old.log", tmp_path / "new.log"
    ticks = "tick\n" * 50
    old.write_text(f"error: token=alpha1word99 is refused\n{ticks}", encoding="utf-8")
    new.write_text(f"panic: token=beta9word77\nerror: token=alpha1word99 is refused\n{ticks}", encoding="utf-8")
    found = json.loads(CliRunner().invoke(cli, ["digest", "--compare", str(old), str(new), "--json"]).stdout)
    assert not [change for change in found["changes"] if "error" in change["template"]]


@pytest.mark.parametrize("name", ["x.log", "link.jsonl"])
def test_the_log_is_not_overwritten_with_its_assignments(tmp_path: Path, name: str) -> None:
    log = tmp_path / "x.log"
    log.write_text("all good\n", encoding="utf-8")
    (tmp_path / "link.jsonl").symlink_to(log)
    result = CliRunner().invoke(cli, ["digest", str(log), "--assignments", str(tmp_path / name)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is the log itself" in result.stderr
    assert log.read_text(encoding="utf-8") == "all good\n"


def test_assignments_stay_as_they_were_where_the_log_is_damaged(tmp_path: Path) -> None:
    log, out = tmp_path / "x.log.gz", tmp_path / "out.jsonl"
    log.write_bytes(b"\x1f\x8b\x08 no archive")
    out.write_text("before", encoding="utf-8")
    assert CliRunner().invoke(cli, ["digest", str(log), "--assignments", str(out)]).exit_code == 2
    assert out.read_text(encoding="utf-8") == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "x.log.gz"]
