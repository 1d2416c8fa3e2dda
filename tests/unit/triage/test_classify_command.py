"""``python -m aiops_triage classify``."""

import json

import pytest
from typer.testing import CliRunner

from aiops_triage.__main__ import cli

TICKET = '{"title": "Outage", "body": "Production is down for everyone."}\n'


def test_readable_text() -> None:
    result = CliRunner().invoke(cli, ["classify", "-"], input=TICKET)
    assert result.exit_code == 0
    first, *reasons = result.stdout.splitlines()
    assert first.split()[:4] == ["1", "P1", "CRITICAL", "INCIDENT"]
    assert any('"Outage"' in reason for reason in reasons)


def test_json_lines_number_the_tickets_as_the_input_does() -> None:
    result = CliRunner().invoke(cli, ["classify", "-", "--json"], input=TICKET + "\n" + '{"title": "x"}\n')
    verdicts = [json.loads(line) for line in result.stdout.splitlines()]
    assert [verdict["line"] for verdict in verdicts] == [1, 3]
    assert verdicts[0]["priority"] == "P1"
    assert {"category", "severity", "priority", "confidence", "reasons"} <= verdicts[0].keys()
    assert verdicts[1]["category"] == "OTHER"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"{", "Invalid JSON"),
        (b'{"body": "secret words"}', "title: Field required"),
        (b'{"title": 3}', "title: Input should be a valid string"),
        (b'{"title": "\xff"}', "Invalid JSON"),
    ],
)
def test_a_bad_line_is_named_and_not_shown(line: bytes, what: str) -> None:
    result = CliRunner().invoke(cli, ["classify", "-"], input=TICKET.encode() + line + b"\n")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: line 2: {what}")
    assert "secret words" not in result.output
    assert "CRITICAL" in result.stdout
