"""The command `rotate-keys` where nothing can be reached, and where a setting is wrong."""

import base64

import pytest
from typer.testing import CliRunner

from aiops_auth.__main__ import cli


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_DATABASE_URL", "postgresql://auth:hidden@127.0.0.1:1/aiops")
    monkeypatch.setenv("AUTH_AMQP_URL", "amqp://auth:hidden@127.0.0.1:1/")
    monkeypatch.setenv("AUTH_MASTER_KEY", base64.b64encode(b"k" * 32).decode())


@pytest.mark.parametrize("arguments", [[], ["--now"], ["--json"], ["--now", "--json"]])
def test_without_a_database_nothing_changes_and_it_says_so(nowhere: None, arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, ["rotate-keys", *arguments])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "PostgreSQL is unavailable" in result.stderr
    assert "no key was changed" in result.stderr
    assert "hidden" not in result.output


@pytest.mark.parametrize(
    ("variable", "value"),
    [("AUTH_KEY_LEAD_SECONDS", "-1"), ("AUTH_KEY_LEAD_SECONDS", "soon"), ("AUTH_KEY_ROTATION_DAYS", "-1")],
)
def test_a_wrong_setting_is_named(nowhere: None, monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    result = CliRunner().invoke(cli, ["rotate-keys"])
    assert result.exit_code == 2
    assert variable in result.stderr


def test_a_wrong_option_is_refused(nowhere: None) -> None:
    assert CliRunner().invoke(cli, ["rotate-keys", "--never"]).exit_code == 2
