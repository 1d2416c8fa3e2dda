from itertools import islice
from pathlib import Path

from aiops_local.logs import Follower, follow


def test_it_shows_the_last_lines_first_and_then_what_is_appended(tmp_path: Path) -> None:
    log = tmp_path / "triage.log"
    log.write_text("one\ntwo\nthree\n")
    follower = Follower(log, earlier_lines=2)

    assert follower.lines() == ["two", "three"]
    with log.open("a") as file:
        file.write("four\n")
    assert follower.lines() == ["four"]


def test_half_a_line_waits_for_its_end_even_inside_a_character(tmp_path: Path) -> None:
    log = tmp_path / "triage.log"
    follower = Follower(log, earlier_lines=10)
    log.write_bytes("grüße\n".encode()[:3])
    assert follower.lines() == []

    log.write_bytes("grüße\n".encode())

    assert follower.lines() == ["grüße"]


def test_a_log_that_was_replaced_is_read_from_its_start(tmp_path: Path) -> None:
    log = tmp_path / "triage.log"
    log.write_text("a long first line\n")
    follower = Follower(log, earlier_lines=10)
    follower.lines()

    log.write_text("new\n")

    assert follower.lines() == ["new"]


def test_every_line_comes_with_the_name_of_its_process(tmp_path: Path) -> None:
    (tmp_path / "auth.log").write_text("a\n")
    (tmp_path / "triage.log").write_text("t\n")

    assert list(islice(follow(tmp_path, 10), 2)) == [("auth", "a"), ("triage", "t")]
