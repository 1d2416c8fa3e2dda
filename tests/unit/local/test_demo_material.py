"""What the demo hands in: the end of a log, and the history of a checkout."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_contracts.changelog import CommitInput
from aiops_contracts.triage import TriageTicket
from aiops_local.demo.git_history import NoHistory, parse_log, read_history
from aiops_local.demo.log_excerpt import newest_lines

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize(
    ("limit", "text", "cut"),
    [(100, "one\ntwo\nthree\n", False), (14, "one\ntwo\nthree\n", False), (13, "two\nthree\n", True),
     (10, "two\nthree\n", True), (9, "three\n", True), (5, "", True)],
)  # fmt: skip
def test_a_log_is_cut_at_the_end_of_a_line(tmp_path: Path, limit: int, text: str, cut: bool) -> None:
    log = tmp_path / "postgres.log"
    log.write_text("one\ntwo\nthree\n")

    excerpt = newest_lines(log, limit)

    assert (excerpt.text, excerpt.cut) == (text, cut)


def test_a_line_that_is_still_being_written_and_bytes_that_are_no_text_are_left_out(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    log.write_bytes(b"a\x00b\n\xff\nhalf a li")

    assert newest_lines(log).text == "ab\n\ufffd\n"


@given(st.binary(max_size=200), st.integers(0, 220))
def test_an_excerpt_holds_whole_lines_and_never_more_than_its_limit(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, limit: int
) -> None:
    log = tmp_path_factory.mktemp("log") / "any.log"
    log.write_bytes(data)

    text = newest_lines(log, limit).text

    assert len(text.encode()) <= limit
    whole = data[: data.rfind(b"\n") + 1].decode(errors="replace").replace("\x00", "")
    assert f"\n{whole}".endswith(f"\n{text}")


def test_a_git_log_becomes_commits_with_message_author_time_and_paths() -> None:
    log = (
        "\x1eabc123\x1fAda\x1f2026-11-21T20:22:41+01:00\x1ffeat: pages\n\nCloses #1\n\x1f\n\nsrc/a b.py\nREADME.md\n"
        "\x1edef456\x1fLin\x1f2026-11-20T10:00:00Z\x1ffix: cart\n\x1f\n"
    )

    first, second = parse_log(log)

    assert first["message"] == "feat: pages\n\nCloses #1"
    assert (first["hash"], first["author"], first["paths"]) == ("abc123", "Ada", ["src/a b.py", "README.md"])
    assert second["paths"] == []


def test_commits_without_a_message_or_with_a_separator_in_it_are_left_out() -> None:
    log = (
        "\x1eaaaa1\x1fAda\x1f2026-11-21T20:22:41Z\x1f\n\x1f\n"
        "\x1eaaaa2\x1fAda\x1f2026-11-21T20:22:41Z\x1fodd \x1f message\n\x1f\n"
        "\x1eaaaa3\x1fAda\x1f2026-11-21T20:22:41Z\x1fchore: fine\n\x1f\n"
    )

    assert [commit["hash"] for commit in parse_log(log)] == ["aaaa3"]


def test_a_checkout_without_git_is_not_looked_for_in_a_directory_above(tmp_path: Path) -> None:
    subprocess.run(("git", "init", "--quiet", tmp_path), check=True)
    checkout = tmp_path / "unpacked"
    checkout.mkdir()

    with pytest.raises(NoHistory, match=r"no \.git"):
        read_history(checkout)
    with pytest.raises(NoHistory, match=r"git cannot read it|no commits"):
        read_history(tmp_path)


def test_a_shallow_clone_gives_what_it_has_and_says_so(tmp_path: Path) -> None:
    git = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-C")
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    subprocess.run(("git", "init", "--quiet", origin), check=True)
    for name in ("größe.txt", "b.txt"):
        (origin / name).write_text(name)
        subprocess.run((*git, origin, "add", "."), check=True)
        subprocess.run((*git, origin, "commit", "--quiet", "-m", f"feat: {name}"), check=True)
    subprocess.run(("git", "clone", "--quiet", "--depth", "1", f"file://{origin}", clone), check=True)

    whole, shallow = read_history(origin), read_history(clone)

    assert [commit["message"] for commit in whole.commits] == ["feat: b.txt", "feat: größe.txt"]
    assert whole.commits[1]["paths"] == ["größe.txt"]
    assert not whole.shallow
    assert [commit["message"] for commit in shallow.commits] == ["feat: b.txt"]
    assert shallow.shallow
    CommitInput.model_validate({**whole.commits[0], "committed_at": whole.commits[0]["committedAt"]})


def test_the_examples_are_what_the_api_takes() -> None:
    for ticket in json.loads((EXAMPLES / "tickets.json").read_text()):
        TriageTicket.model_validate({**ticket, "reporter_email": ticket.get("reporterEmail")})
    for commit in json.loads((EXAMPLES / "commits.json").read_text()):
        CommitInput.model_validate(commit)
