"""What ``resend`` refuses before it asks for settings or a database."""

import pytest
import typer
from typer.testing import CliRunner

from aiops_common.cli import add_service_commands
from aiops_common.settings import ServiceSettings

cli = typer.Typer(pretty_exceptions_enable=False)
add_service_commands(cli, name="shop", package="aiops_shop", settings_type=ServiceSettings)
WIDE = {"COLUMNS": "200", "NO_COLOR": "1"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], ["--id", "--type", "--since", "--until"]),
        (["--dry-run", "--json"], ["--id", "--type", "--since", "--until"]),
        (["--since", "2025-01-31T09:30:00"], ["--since", "'2025-01-31T09:30:00' has no offset from UTC"]),
        (["--until", "2025-01-31"], ["--until", "'2025-01-31' has no offset from UTC"]),
        (["--since", "yesterday"], ["--since", "'yesterday' is not a time in ISO 8601"]),
        (["--id", "42"], ["--id", "'42' is not a valid UUID"]),
        (
            ["--since", "2025-01-31T09:30:00Z", "--until", "2025-01-31T10:30:00+01:00"],
            ["--since 2025-01-31T09:30:00+00:00 is not before --until 2025-01-31T10:30:00+01:00"],
        ),
    ],
)
def test_wrong_usage_is_named_and_ends_with_2(arguments: list[str], named: list[str]) -> None:
    result = CliRunner().invoke(cli, ["resend", *arguments], env=WIDE)
    assert result.exit_code == 2
    assert result.stdout == ""
    for text in named:
        assert text in result.stderr


def test_the_help_says_how_long_messages_are_kept() -> None:
    result = CliRunner().invoke(cli, ["resend", "--help"], env=WIDE)
    assert result.exit_code == 0
    assert "7 days" in result.stdout
    assert "OUTBOX_RETENTION_DAYS" in result.stdout


@pytest.mark.parametrize("days", ["0", "-1", "soon"])
def test_a_retention_that_makes_no_sense_is_refused_by_name(days: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "DATABASE_URL": "postgresql://shop:secret@localhost/shop",
        "AMQP_URL": "amqp://shop:secret@localhost/",
        "OUTBOX_RETENTION_DAYS": days,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(cli, ["resend", "--type", "shop.sold.v1"], env=WIDE)
    assert result.exit_code == 2
    assert "OUTBOX_RETENTION_DAYS" in result.stderr
