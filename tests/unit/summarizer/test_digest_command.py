"""``python -m aiops_summarizer digest``."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aiops_summarizer.__main__ import cli

_LOG = (
    "2024-05-01 10:00:00 INFO [main] app.Web - mail to ann@example.org\n2024-05-01 10:00:01 ERROR [main] app.Db - gone"
)


def test_text_from_standard_input() -> None:
    result = CliRunner().invoke(cli, ["digest", "-"], input=_LOG)
    assert result.exit_code == 0
    assert result.stdout.startswith("HIGH  ERROR: “gone”, once, first at line 2\n")


def test_json_is_redacted() -> None:
    result = CliRunner().invoke(cli, ["digest", "-", "--json"], input=_LOG)
    found = json.loads(result.stdout)
    assert found["line_count"] == 2
    assert found["first_seen"] == "2024-05-01T10:00:00+00:00"
    assert "ann@example.org" not in result.stdout
    assert "<EMAIL_1>" in result.stdout


def test_every_line_is_assigned_to_a_template_of_the_digest(tmp_path: Path) -> None:
    log, out = tmp_path / "a.log", tmp_path / "out.jsonl"
    log.write_bytes(
        b"".join(b"volume of %s attached\r\n" % name for name in (b"ann", b"bob", b"cid", b"d\xff")) + b"\ngone"
    )
    result = CliRunner().invoke(cli, ["digest", str(log), "--assignments", str(out)])
    assert result.exit_code == 0
    assigned = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [line["line"] for line in assigned] == [1, 2, 3, 4, 5, 6]
    templates = [line["template"] for line in assigned]
    assert templates == ["volume of <*> attached"] * 4 + ["(continuation)", "gone"]


@pytest.mark.parametrize("name", ["missing.log", "."])
def test_an_unreadable_file_is_named(tmp_path: Path, name: str) -> None:
    result = CliRunner().invoke(cli, ["digest", str(tmp_path / name)])
    assert result.exit_code == 2
    assert str(tmp_path) in result.stderr
    assert "Traceback" not in result.output
