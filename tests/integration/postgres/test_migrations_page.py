"""docs/migrations.md is gone through, command by command."""

import re

import pytest
import typer
from pydantic_settings import SettingsConfigDict
from typer.testing import CliRunner

from aiops_common.cli import add_service_commands
from aiops_common.settings import ServiceSettings
from examples.renamed_field.__main__ import URL_VARIABLE, app
from support.servers import ROOT

_COMMAND = re.compile(
    r"^ {4}python -m examples\.renamed_field (?P<arguments>.+?)(?P<fails>  # exits with 1)?$", re.MULTILINE
)

COMMANDS = [
    (match["arguments"].split(), 1 if match["fails"] else 0)
    for match in _COMMAND.finditer((ROOT / "docs/migrations.md").read_text(encoding="utf-8"))
]


def test_every_command_does_what_the_page_says(lines_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv(URL_VARIABLE, lines_url)
    for arguments, status in COMMANDS:
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == status, f"{arguments}: {done.output}\n{done.exception!r}"
    assert {arguments[0] for arguments, _ in COMMANDS} == {"migrate", "add", "fits", "compare", "backfill"}


def test_without_an_address_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    done = CliRunner().invoke(app, ["compare"])
    assert (done.exit_code, URL_VARIABLE in done.output) == (2, True)


class LinesSettings(ServiceSettings):
    """Those of a service with the schema of the example."""

    model_config = SettingsConfigDict(env_prefix="LINES_")


@pytest.fixture
def service(lines_url: str, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """The commands of a service with the migrations of release 3."""
    monkeypatch.setenv(URL_VARIABLE, lines_url)
    monkeypatch.setenv("LINES_AMQP_URL", "amqp://nobody:nothing@localhost/")
    cli = typer.Typer()
    add_service_commands(cli, name="lines", package="examples.renamed_field.release_3", settings_type=LinesSettings)
    return cli


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        ("", 0, "lines: applied lines_0002"),
        ("--undo lines_0002", 0, "lines: took back lines_0002"),
        ("--phase contract", 0, "lines: applied lines_contract_0003"),
        ("--phase contract --undo lines_contract_0003", 0, "lines: lines_contract_0003 is not applied"),
        (
            "--phase contract --undo lines_0002",
            1,
            "release_3 has no contract revision lines_0002",
        ),
    ],
)
def test_the_command_of_a_service(service: typer.Typer, options: str, status: int, told: str) -> None:
    runner = CliRunner()
    if options == "--undo lines_0002":
        runner.invoke(service, ["migrate"])
    done = runner.invoke(service, ["migrate", *options.split()])
    assert (done.exit_code, told in done.output) == (status, True), done.output
