"""What ``colours`` refuses before it asks for settings or a database."""

import pytest
import typer
from typer.testing import CliRunner

from aiops_common.cli import add_service_commands
from aiops_common.settings import ServiceSettings

cli = typer.Typer(pretty_exceptions_enable=False)
add_service_commands(cli, name="shop", package="aiops_shop", settings_type=ServiceSettings)


@pytest.mark.parametrize("wrong", ["red", "blue,green", ""])
def test_what_is_no_colour_is_named_and_ends_with_2(wrong: str) -> None:
    result = CliRunner().invoke(cli, ["colours", wrong], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"'{wrong}' is not one of 'blue', 'green'" in result.stderr


def test_instead_of_whom_needs_who() -> None:
    result = CliRunner().invoke(cli, ["colours", "--instead-of", "blue"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert (result.exit_code, result.stdout) == (2, "")
    assert "name the colours that shall take work: colours green --instead-of blue" in result.stderr
