"""The command line for dead letters: what it refuses before it connects, and how letters look."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from aiops_common.messaging.deadletter import DeadLetter
from aiops_common.messaging.deadletter.__main__ import app
from aiops_common.messaging.deadletter.report import in_full, json_line, table

ID = UUID(int=7)
LETTER = DeadLetter(
    id=ID,
    queue="shop.dead",
    message_type="shop.do.v1",
    message_id=None,
    reason="not_json",
    error="Poison: \x1b[2J\nbad",
    attempts=3,
    dead_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    trace_id=None,
    principal="user:ada",
    body='{\n\t"a": "\x1b]0;x"}',
)


def run(*arguments: str, **environment: str | None) -> Result:
    # Wide, because a terminal's width decides where lines of help and errors break.
    given = {"AMQP_URL": "amqp://nobody:s3cret@127.0.0.1:1/", "COLUMNS": "300", "TERMINAL_WIDTH": "300", **environment}
    return CliRunner().invoke(app, arguments, env=given)


@pytest.mark.parametrize("command", ["replay", "discard"])
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "--queue"),
        (["--queue", "shop.dead"], "--all"),
        (["--queue", "shop.dead", "--all", "--reason", "x"], "leave it out"),
        (["--queue", "shop.dead", "--id", "7"], "not a valid UUID"),
        (["--queue", "shop.dead", "--before", "yesterday"], "'yesterday' is not a time"),
    ],
)
def test_what_is_not_clear_is_wrong_usage(command: str, arguments: list[str], complaint: str) -> None:
    result = run(command, *arguments)
    assert (result.exit_code, complaint in result.output) == (2, True), result.output


@pytest.mark.parametrize("url", [None, "", "http://nobody:s3cret@x/", "amqp://", "amqp://nobody:s3cret@x:port/"])
def test_a_wrong_address_is_wrong_usage_and_never_shown(url: str | None) -> None:
    result = run("list", "--queue", "shop.dead", AMQP_URL=url)
    assert (result.exit_code, "AMQP_URL" in result.output, "s3cret" in result.output) == (2, True, False)


def test_a_broker_that_is_away_is_told_and_its_password_not() -> None:
    result = run("list", "--queue", "shop.dead")
    assert (result.exit_code, "RabbitMQ is unavailable" in result.output, "s3cret" in result.output) == (1, True, False)


@pytest.mark.parametrize("content", [None, "services: [", "services: {a: {wrok: []}}"])
def test_a_topology_that_cannot_be_read_is_wrong_usage(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "topology.yaml"
    if content is not None:
        file.write_text(content)
    for result in (run("list", "--topology", str(file)), run("show", str(ID), AIOPS_TOPOLOGY=str(file))):
        assert (result.exit_code, str(file) in result.output.replace("\n", "")) == (2, True), result.output


def test_a_table_has_aligned_columns_and_one_line_for_each_letter() -> None:
    header, line = table([LETTER])
    assert line.startswith(f"{ID}  shop.dead  2026-01-02 03:04:05  3 ")
    assert [header.index(name) for name in ("REASON", "TYPE")] == [line.index(v) for v in ("not_json", "shop.do.v1")]


def test_what_a_stranger_wrote_cannot_steer_the_terminal() -> None:
    for text in ("\n".join(table([LETTER])), "\n".join(in_full(LETTER)), json_line(LETTER)):
        assert "\x1b" not in text
    assert in_full(LETTER)[-2:] == ["{", '\t"a": "\ufffd]0;x"}']


def test_a_line_of_json_has_every_field() -> None:
    document = json.loads(json_line(LETTER))
    assert document["id"] == str(ID)
    assert document["dead_at"] == "2026-01-02T03:04:05Z"
    assert set(document) == set(DeadLetter.__slots__)
