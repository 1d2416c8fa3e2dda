"""The command `rebuild` where nothing can be reached, and where a setting is wrong."""

import pytest
from typer.testing import CliRunner

from aiops_gateway.__main__ import cli
from aiops_gateway.domain.parts import Part
from aiops_gateway.service.sources import SOURCES
from support.content_keys import content_keys


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", "postgresql://gateway:hidden@127.0.0.1:1/aiops")
    monkeypatch.setenv("GATEWAY_AMQP_URL", "amqp://gateway:hidden@127.0.0.1:1/")
    monkeypatch.setenv("GATEWAY_CONTENT_KEYS", content_keys())


@pytest.mark.parametrize("arguments", [[], ["--from-empty"], ["--json"]])
def test_without_a_broker_it_says_so_and_how_to_go_on(nowhere: None, arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, ["rebuild", "--patience", "0.3", *arguments])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "signing-keys: no answer from auth for 0.3 s" in result.stderr
    assert "run this again" in result.stderr
    assert "hidden" not in result.output


@pytest.mark.parametrize(
    ("arguments", "complaint"), [(["--only", "secrets"], "secrets"), (["--patience", "0"], "patience")]
)
def test_a_wrong_option_is_refused(nowhere: None, arguments: list[str], complaint: str) -> None:
    result = CliRunner().invoke(cli, ["rebuild", *arguments])
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEWAY_DATABASE_URL", raising=False)
    result = CliRunner().invoke(cli, ["rebuild"])
    assert result.exit_code == 2
    assert "GATEWAY_DATABASE_URL" in result.stderr


def test_every_part_has_a_source() -> None:
    assert list(SOURCES) == list(Part)
