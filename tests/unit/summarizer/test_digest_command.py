"""``python -m aiops_summarizer digest``."""

import asyncio
import fcntl
import gzip
import json
import os
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aiops_summarizer.__main__ import cli
from support.eventually import eventually

_LOG = (
    "2024-05-01 10:00:00 INFO [main] app.Web - mail to ann@example.org\n2024-05-01 10:00:01 ERROR [main] app.Db - gone"
)


def test_text_from_standard_input() -> None:
    result = CliRunner().invoke(cli, ["digest", "-"], input=_LOG)
    assert result.exit_code == 0
    assert result.stdout.startswith("HIGH  ERROR: “gone” once at 10:00:01 (line 2)\n")


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


@pytest.mark.parametrize("form", [[], ["--json"], ["--markdown"]])
def test_no_half_of_a_secret_is_left_in_a_shortened_quotation(form: list[str]) -> None:
    secret = "ghp_" + "aBcDeFgHiJkL" * 3
    log = f"2024-05-01 10:00:00 ERROR {'refused ' * 10} token={secret} {'again ' * 10}"
    shown = CliRunner().invoke(cli, ["digest", "-", *form], input=log).stdout
    assert "refused" in shown
    assert secret[:12] not in shown
    assert secret[-12:] not in shown


def test_markdown_shows_what_the_log_says_and_no_more() -> None:
    log = "2024-05-01 10:00:00 ERROR [main] a.B - saw <script> *x* | `y` [a](b)\n"
    result = CliRunner().invoke(cli, ["digest", "-", "--markdown"], input=log)
    assert result.stdout.startswith(
        "## HIGH: ERROR: “saw \\<script\\> \\*x\\* \\| \\`y\\` \\[a\\](b)” once at 10:00:00"
    )
    assert "| 1 | ERROR | 1 | `` saw <script> *x* \\| `y` [a](b) `` |" in result.stdout


def test_two_logs_are_compared(tmp_path: Path) -> None:
    old, new = tmp_path / "old.log", tmp_path / "new.log"
    old.write_text("all good\n" * 50, encoding="utf-8")
    new.write_text("all good\n" * 50 + "error: ann@example.org is gone\n", encoding="utf-8")
    result = CliRunner().invoke(cli, ["digest", "--compare", str(old), str(new)])
    assert result.exit_code == 0
    assert result.stdout.startswith("1 new; above all new: ERROR “error: <*> is gone”, once (line 51)\n")
    found = json.loads(CliRunner().invoke(cli, ["digest", "--compare", str(old), str(new), "--json"]).stdout)
    assert [(change["kind"], change["old"], change["new"]["count"]) for change in found["changes"]] == [
        ("NEW", None, 1)
    ]
    assert "| new | 0 → 1 | ERROR | 51 |" in (
        CliRunner().invoke(cli, ["digest", "--compare", str(old), str(new), "--markdown"]).stdout
    )


@pytest.mark.parametrize(
    "arguments",
    [[], ["a.log", "--compare", "a.log", "b.log"], ["a.log", "--json", "--markdown"]],
    ids=["no log", "one log and two", "two forms"],
)
def test_a_wrong_command_line_is_refused(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, ["digest", *arguments])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("form", ["gzip", "utf-16"])
def test_other_forms_of_the_same_log_say_the_same(tmp_path: Path, form: str) -> None:
    plain, other = tmp_path / "a.log", tmp_path / "b.log"
    plain.write_text(_LOG, encoding="utf-8")
    other.write_bytes(gzip.compress(_LOG.encode()) if form == "gzip" else _LOG.encode("utf-16"))
    told = [CliRunner().invoke(cli, ["digest", str(path)]).stdout for path in (plain, other)]
    assert told[0] == told[1]


def test_a_cut_off_archive_is_named(tmp_path: Path) -> None:
    cut = tmp_path / "cut.log.gz"
    cut.write_bytes(gzip.compress(_LOG.encode() * 40)[:-20])
    result = CliRunner().invoke(cli, ["digest", str(cut)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"cannot read {cut}: the compressed file ends too early; was it cut off?\n"


def test_binary_input_is_pointed_out(tmp_path: Path) -> None:
    path = tmp_path / "core"
    path.write_bytes(b"\x7fELF\x00\x01" + bytes(range(256)) * 20)
    result = CliRunner().invoke(cli, ["digest", str(path)])
    assert result.exit_code == 0
    assert "has bytes in it that no text has: is it a log?" in result.stderr
    assert all(mark == "\n" or mark.isprintable() for mark in result.stdout)


_COMMAND = [sys.executable, "-m", "aiops_summarizer", "digest", "-"]


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(_COMMAND, input=_LOG.encode(), stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (process.returncode, process.stderr) == (0, b"")


async def test_an_interruption_tells_what_was_read() -> None:
    process = await asyncio.create_subprocess_exec(
        *_COMMAND, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdin
    process.stdin.write(_LOG.encode() + b"\n")
    await process.stdin.drain()
    pipe = process.stdin.transport.get_extra_info("pipe").fileno()

    async def is_read() -> bool:
        return not int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)

    # Whoever has emptied the pipe takes signals as the end of the log.
    await eventually(is_read, seconds=60)
    process.send_signal(signal.SIGINT)
    out, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 130
    assert out
    assert errors.startswith(b"interrupted: this is what the first ")
